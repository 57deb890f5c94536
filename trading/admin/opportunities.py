"""Opportunities: what was seen, what it would cost, what each gate and model said, and how the edge decayed."""

from decimal import Decimal

from django.contrib import admin
from unfold.contrib.filters.admin import BooleanRadioFilter

from domain.market import Side
from mlops.admin.features import features_of
from mlops.admin.scores import scores_table
from ops.admin import figures, panels
from ops.admin.columns import column, light, result
from ops.admin.filters import recent
from ops.admin.panels import Facts, Panel, Table
from trading.admin import books
from trading.admin.base import TradingAdmin
from trading.market_json import is_pool
from trading.models import Opportunity
from trading.selectors.pages import edges_of, execution_of


@admin.register(Opportunity)
class OpportunityAdmin(TradingAdmin):
    """Every episode in which a route paid after all costs."""

    icon = "lightbulb"
    place = 1
    list_display = (
        column("timestamp", "seen at (UTC)"),
        "scope_label",
        column("route_key", "route"),
        column("size"),
        column("gross_edge_bps", "gross bps"),
        column("edge_bps", "net bps"),
        light("executed", {"True": "success"}, words={"True": "yes", "False": "no"}),
        result("profit_usd", "profit"),
        column("reason"),
    )
    list_filter = (
        *TradingAdmin.list_filter,
        recent("symbol"),
        recent("buy_venue", "sell_venue", title="venue"),
        ("executed", BooleanRadioFilter),
        recent("reason"),
    )
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp", "edge_bps")
    sought = ("correlation_id",)
    seeks_routes = True
    search_help_text = "Words of a route, number, correlation id"

    def panels(self, row: Opportunity) -> list[Panel]:
        """Return the episode from the books to what became of it."""
        return [
            _episode(row),
            *_books(row),
            _costs(row),
            _gates(row),
            _decay(row),
            scores_table(row.scores),
            features_of(row.features, row.feature_set),
        ]


def _episode(row: Opportunity) -> Facts:
    execution = execution_of(row)
    base, quote = row.symbol.split("/")
    return Facts(
        figures.shown("route_key", row.route_key),
        [
            ("seen at (UTC)", figures.instant(row.timestamp)),
            ("paid for", figures.after(row.closed_at, row.timestamp)),
            ("executed", panels.label("yes", "success") if row.executed else panels.label("no")),
            ("why not", figures.shown("reason", row.reason)),
            ("size", f"{figures.exact(row.size)} {base}"),
            ("notional", figures.usd(row.notional_usd)),
            ("gross edge", f"{figures.bps(row.gross_edge_bps)} bps"),
            ("net edge", f"{figures.bps(row.edge_bps)} bps"),
            ("best net edge", f"{figures.bps(row.peak_edge_bps)} bps"),
            ("profit", figures.gain("profit_usd", row.profit_usd)),
            (f"profit in {quote}", figures.NOTHING if row.profit_quote is None else figures.exact(row.profit_quote)),
            ("execution", panels.link(execution, f"{execution.pk}, {execution.state}" if execution else "")),
            ("made of", _made_of(row)),
            ("correlation id", row.correlation_id),
        ],
    )


def _made_of(row: Opportunity) -> str:
    if row.resolution_s:
        return f"candles of {row.resolution_s} s"
    return "an order book and a pool" if any(map(is_pool, row.books)) else "order books"


def _books(row: Opportunity) -> list[Table]:
    return [
        books.table_of(stored, taken=side, size=row.size, at=row.timestamp)
        for stored, side in zip(row.books, (Side.BUY, Side.SELL), strict=False)
    ]


def _costs(row: Opportunity) -> Table:
    lines = [
        (
            line["kind"],
            figures.short(Decimal(line["amount"])),
            line["asset"],
            figures.usd(Decimal(line["usd"])),
            line["source"],
        )
        for line in row.costs
    ]
    return Table("Costs, as planned", ("Kind", "Amount", "Asset", "USD", "Source"), lines, is_wide=False)


def _gates(row: Opportunity) -> Table:
    answers = [
        (figures.words(gate["gate"]), _answer(passed=gate["passed"]), gate["detail"] or figures.NOTHING)
        for gate in row.gates
    ]
    nothing = "None is stored."
    return Table("Gates", ("Gate", "Answer", "Because"), answers, nothing=nothing, is_wide=False, rows_beside=3)


def _answer(*, passed: bool) -> str:
    return panels.label("passed", "success") if passed else panels.label("refused", "danger")


def _decay(row: Opportunity) -> Table:
    rows = [
        (f"{look.offset_ms} ms", figures.shown("net_bps", look.net_bps), figures.short(look.size))
        for look in edges_of(row)
    ]
    nothing = "Not looked at again yet."
    return Table("The edge later", ("After", "Net bps", "Size that paid"), rows, nothing=nothing, is_wide=False)
