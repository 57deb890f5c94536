"""Executions with their orders, fills, events and ledger lines: how each result came about."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from domain.market import Side
from ops.admin import figures, panels
from ops.admin.columns import column, light, result
from ops.admin.filters import recent
from ops.admin.panels import Facts, Panel, Table, label, link
from trading.admin import books
from trading.admin.base import TradingAdmin, to
from trading.models import Execution, Fill, FillObservation, LedgerEntry, Order, StateEvent
from trading.selectors.pages import account_sums, opportunity_of

EXECUTION_COLOURS = {
    "running": "info",
    "settled": "success",
    "unwinding": "warning",
    "unwound": "warning",
    "needs_person": "danger",
}
ORDER_COLOURS = {
    "sending": "info",
    "open": "info",
    "partial": "warning",
    "filled": "success",
    "refused": "danger",
    "checking": "warning",
}
SIDE_COLOURS = {"buy": "info", "sell": "primary"}
_MOST_LINES = 500

# line, what it takes off, what it is
_WATERFALL = (
    ("gross", "", "what the two prices promised for the base that both legs filled"),
    ("fees", "−", "what the venues took for the two legs"),
    ("gas", "−", "what a chain took"),
    ("slippage", "−", "what the markets gave less than planned"),
    ("unwind", "−", "what undoing an unmatched leg lost"),
    ("net", "=", "what our accounts gained"),
)


@admin.register(Execution)
class ExecutionAdmin(TradingAdmin):
    """Every attempt to trade an opportunity."""

    icon = "swap_horiz"
    place = 2
    list_display = (
        column("decided_at", "decided at (UTC)"),
        "scope_label",
        light("state", EXECUTION_COLOURS),
        column("route_key", "route"),
        column("notional_usd", "notional"),
        result("net_usd", "net"),
        column("fees_quote", "fees (quote)"),
        column("gas_quote", "gas (quote)"),
        column("reason"),
    )
    list_filter = (
        *TradingAdmin.list_filter,
        ("state", ChoicesDropdownFilter),
        recent("symbol"),
        recent("route_key", title="route"),
    )
    newest_column = date_hierarchy = "decided_at"
    sortable_by = ("decided_at", "net_usd")
    sought = ("correlation_id",)
    seeks_routes = True
    search_help_text = "Words of a route, number, correlation id"

    def panels(self, row: Execution) -> list[Panel]:
        """Return the execution from the decision to the ledger."""
        orders = list(row.orders.prefetch_related("fills"))
        return [
            _summary(row),
            _waterfall(row),
            _plan(row),
            _orders(orders),
            _fills([fill for order in orders for fill in order.fills.all()], {order.pk: order for order in orders}),
            events_table(row.events.select_related("order").order_by("id")[:_MOST_LINES], since=row.decided_at),
            _ledger(row),
            _sums(row),
        ]


def _summary(row: Execution) -> Facts:
    opportunity = opportunity_of(row)
    return Facts(
        figures.shown("route_key", row.route_key),
        [
            ("state", label(row.state, EXECUTION_COLOURS.get(row.state, ""))),
            ("net", figures.gain("net_usd", row.net_usd)),
            ("notional", figures.usd(row.notional_usd)),
            ("reason", figures.shown("reason", row.reason)),
            ("decided at (UTC)", figures.instant(row.decided_at)),
            ("ended after", figures.after(row.settled_at, row.decided_at)),
            ("looked at again", figures.instant(row.due_at) if row.due_at else "no more"),
            ("steps", str(row.steps)),
            ("opportunity", link(opportunity, f"{row.opportunity_id}") if opportunity else str(row.opportunity_id)),
            ("reservation", str(row.reservation_id)),
            ("correlation id", row.correlation_id),
        ],
    )


def _waterfall(row: Execution) -> Table:
    lines = [
        (f"{sign}\N{NO-BREAK SPACE}{name}".strip(), figures.exact(getattr(row, f"{name}_quote")), meaning)
        for name, sign, meaning in _WATERFALL
        if row.settled_at
    ]
    headers = ("Line", row.quote_asset, "Meaning")
    return Table("From gross to net", headers, lines, nothing="It has not ended yet.", is_wide=False)


def _plan(row: Execution) -> Table:
    net = figures.NOTHING if row.net_quote is None else figures.exact(row.net_quote)
    gross = figures.NOTHING if row.gross_quote is None else figures.exact(row.gross_quote)
    lines = [
        ("gross", figures.exact(row.planned_gross_quote), gross),
        ("net", figures.exact(row.planned_net_quote), net),
    ]
    note = f"A difference of less than {figures.exact(row.dust_quantity)} {row.symbol.split('/')[0]} counts as even."
    return Table("Planned and realised", (row.quote_asset, "Planned", "Realised"), lines, note=note, is_wide=False)


def _orders(orders: list[Order]) -> Table:
    has_gas = any(order.gas_amount is not None for order in orders)
    headers = ("Order", "Role", "Venue", "Side", "Quantity", "Limit", "Filled", "Mean price")
    rows = [
        (
            link(order, f"{order.pk}"),
            order.role if order.attempt == 1 else f"{order.role}, attempt {order.attempt}",
            order.venue,
            label(order.side, SIDE_COLOURS[order.side]),
            figures.exact(order.quantity),
            figures.short(order.limit_price),
            figures.exact(order.filled_quantity),
            _mean_price(list(order.fills.all())),
            *([_gas(order)] if has_gas else []),
            label(order.state, ORDER_COLOURS.get(order.state, "")),
            figures.instant(order.sending_at),
            figures.shown("reason", order.reason),
        )
        for order in orders
    ]
    return Table("Orders", (*headers, *(["Gas"] if has_gas else []), "State", "Sent", "Reason"), rows)


def _gas(order: Order) -> str:
    if order.gas_amount is None:
        return figures.NOTHING
    return f"{figures.short(order.gas_amount)} {order.gas_asset}"


def _mean_price(fills: list[Fill]) -> str:
    quantity = sum(fill.quantity for fill in fills)
    if not quantity:
        return figures.NOTHING
    paid = sum(_paid(fill) for fill in fills)
    return figures.short(figures.SCREEN.divide(paid, quantity))


def _paid(fill: Fill) -> Decimal:
    return figures.SCREEN.multiply(fill.price, fill.quantity) if fill.exact_quote is None else fill.exact_quote


def _fills(fills: list[Fill], orders: dict[int, Order]) -> Table:
    headers = ("Time (UTC)", "Order", "Venue", "Side", "Quantity", "Price", "Fee", "Trade id")
    rows = [
        (
            figures.instant(fill.filled_at),
            link(orders[fill.order_id], f"{fill.order_id}"),
            fill.venue,
            label(orders[fill.order_id].side, SIDE_COLOURS[orders[fill.order_id].side]),
            figures.exact(fill.quantity),
            figures.exact(fill.price),
            f"{figures.exact(fill.fee)} {fill.fee_asset}",
            fill.trade_id,
        )
        for fill in fills
    ]
    return Table("Fills", headers, rows, nothing="Nothing was filled.")


def events_table(events: Any, *, since: Any) -> Table:
    """Return the life of an execution or an order, event by event."""
    rows = [
        (
            figures.after(event.happened_at, since),
            f"{event.order.side} on {event.order.venue}" if event.order else "execution",
            figures.words(event.event),
            label(event.from_state),
            label(event.to_state, (ORDER_COLOURS if event.order else EXECUTION_COLOURS).get(event.to_state, "")),
            figures.shown("reason", event.detail.get("reason")),
        )
        for event in events
    ]
    return Table("What happened", ("After the decision", "Of", "Event", "From", "To", "Why"), rows)


def _ledger(row: Execution) -> Table:
    entries = row.entries.order_by("id")[:_MOST_LINES]
    rows = [
        (
            f"fill {entry.fill_id}" if entry.fill_id else f"gas of order {entry.gas_of_id}",
            entry.account,
            entry.asset,
            figures.exact(entry.amount),
        )
        for entry in entries
    ]
    note = "The lines of one fill, and those of one order's gas, sum to zero in each asset."
    return Table("Ledger", ("Of", "Account", "Asset", "Amount"), rows, note=note, is_wide=False)


def _sums(row: Execution) -> Table:
    rows = [(account, asset, figures.exact(total)) for account, asset, total in account_sums(row)]
    return Table("Sum of each account", ("Account", "Asset", "Amount"), rows, is_wide=False)


@admin.register(Order)
class OrderAdmin(TradingAdmin):
    """Every order: written before it is sent, never sent twice."""

    icon = "receipt_long"
    place = 3
    list_display = (
        column("id", "order"),
        "scope_label",
        to("execution"),
        column("role"),
        column("venue"),
        light("side", SIDE_COLOURS),
        column("quantity"),
        "symbol",
        column("limit_price", "limit"),
        column("filled_quantity", "filled"),
        "gas",
        light("state", ORDER_COLOURS),
        column("reason"),
    )
    list_filter = (
        *TradingAdmin.list_filter,
        ("state", ChoicesDropdownFilter),
        ("role", ChoicesDropdownFilter),
        recent("venue"),
    )
    list_select_related = ("execution",)
    sought = ("client_id", "venue_order_id")
    search_help_text = "Number, our id or the venue's"

    @admin.display(description="gas")
    def gas(self, row: Order) -> str:
        """Return what a chain took for it."""
        return _gas(row)

    def panels(self, row: Order) -> list[Panel]:
        """Return the order, its fills, its life and the market it met."""
        return [
            panels.facts_of(row, str(row)),
            _fills(list(row.fills.all()), {row.pk: row}),
            events_table(row.events.select_related("order").order_by("id"), since=row.execution.decided_at),
            *_met(FillObservation.objects.filter(order=row).first(), row),
        ]


def _met(observation: FillObservation | None, order: Order) -> list[Table]:
    if observation is None or observation.book is None:
        return []
    return [books.table_of(observation.book, taken=Side(order.side), size=order.filled_quantity, at=observation.due_at)]


@admin.register(Fill)
class FillAdmin(TradingAdmin):
    """Every trade that a venue told us of."""

    icon = "done_all"
    place = 4
    list_display = (
        column("filled_at", "filled at (UTC)"),
        "scope_label",
        to("order"),
        column("venue"),
        column("quantity"),
        column("price"),
        column("fee"),
        "fee_asset",
        "trade_id",
    )
    list_filter = (*TradingAdmin.list_filter, recent("venue"))
    list_select_related = ("order",)
    sought = ("trade_id",)
    search_help_text = "Number or the venue's trade id"


@admin.register(LedgerEntry)
class LedgerEntryAdmin(TradingAdmin):
    """Every line of the ledger."""

    icon = "menu_book"
    place = 5
    list_display = (
        column("recorded_at", "recorded at (UTC)"),
        "scope_label",
        to("execution"),
        to("fill"),
        to("gas_of", "gas of"),
        column("account"),
        column("amount"),
        "asset",
    )
    list_filter = (*TradingAdmin.list_filter, recent("account"), recent("asset"))
    list_select_related = ("execution", "fill", "gas_of")
    sought = ("correlation_id",)
    search_help_text = "Number or correlation id"


@admin.register(StateEvent)
class StateEventAdmin(TradingAdmin):
    """Every step of every execution and order."""

    icon = "timeline"
    list_display = (
        column("happened_at", "happened at (UTC)"),
        "scope_label",
        to("execution"),
        "what",
        column("event"),
        column("from_state", "from"),
        light("to_state", EXECUTION_COLOURS | ORDER_COLOURS, "to"),
        "why",
    )
    list_filter = (*TradingAdmin.list_filter, recent("event"))
    listed_documents = ("detail",)
    list_select_related = ("execution", "order")

    @admin.display(description="of")
    def what(self, event: StateEvent) -> str:
        """Return which of the execution's rows moved."""
        return link(event.order, str(event.order)) if event.order else "the execution"

    @admin.display(description="why")
    def why(self, event: StateEvent) -> str | None:
        """Return the reason, where one was given."""
        reason = event.detail.get("reason")
        return figures.words(reason) if reason else None


@admin.register(FillObservation)
class FillObservationAdmin(TradingAdmin):
    """The books and pools that paper orders met."""

    icon = "visibility"
    list_display = (
        column("due_at", "due at (UTC)"),
        "scope_label",
        to("order"),
        column("venue"),
        column("symbol"),
        column("observed_at", "stored at (UTC)"),
    )
    list_filter = (*TradingAdmin.list_filter, ("observed_at", admin.EmptyFieldListFilter))
    list_select_related = ("order",)

    def panels(self, row: FillObservation) -> list[Panel]:
        """Return what was waited for and what came."""
        return [panels.facts_of(row, "Fill observation"), *_met(row, row.order)]
