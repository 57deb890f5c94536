"""Executions: the intent to trade an opportunity, its orders, their fills, and the ledger they leave."""

from django.db import models
from django.db.models import F, Q

from domain.execution import ExecutionState, LegState
from domain.market import MarketKey, Pair, Side
from domain.money import plain
from domain.routes import route_said
from ops.columns import MoneyField, choices_of, is_number, is_positive
from ops.scoped import ScopedModel
from trading.models.opportunity import Opportunity


class Execution(ScopedModel):
    """One attempt to trade an opportunity; it always ends settled, unwound or with a person."""

    STATES = ExecutionState

    # The opportunity lives in a series, whose key holds its time: no database-level foreign key can point at it.
    opportunity = models.ForeignKey(Opportunity, on_delete=models.DO_NOTHING, db_constraint=False)
    opportunity_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=36, blank=True)
    reservation_id = models.BigIntegerField()
    route_key = models.CharField(max_length=120)
    symbol = models.CharField(max_length=32)
    quote_asset = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=choices_of(ExecutionState), default=ExecutionState.RESERVED)
    reason = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="when to look at it again; none once it has ended")
    steps = models.PositiveIntegerField(default=0)
    notional_usd = MoneyField()
    dust_quantity = MoneyField(help_text="base units too small to trade: a difference up to this is even")
    planned_gross_quote = MoneyField()
    planned_net_quote = MoneyField()
    settled_at = models.DateTimeField(null=True)
    gross_quote = MoneyField(null=True)
    fees_quote = MoneyField(null=True)
    gas_quote = MoneyField(null=True)
    slippage_quote = MoneyField(null=True)
    unwind_quote = MoneyField(null=True, help_text="what undoing an unmatched leg lost")
    net_quote = MoneyField(null=True)
    net_usd = MoneyField(null=True)

    class Meta(ScopedModel.Meta):
        ordering = ["-decided_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="idx_execution_due"),
            models.Index(fields=["mode", "run_id", "-decided_at"], name="idx_execution_scope_time"),
            models.Index(fields=["mode", "run_id", "state", "-decided_at"], name="idx_execution_state_time"),
            models.Index(fields=["mode", "run_id", "route_key", "-decided_at"], name="idx_execution_route_time"),
            models.Index(fields=["mode", "run_id", "symbol", "-decided_at"], name="idx_execution_symbol_time"),
            models.Index(fields=["mode", "run_id", "-net_usd"], name="idx_execution_net"),
            models.Index(fields=["correlation_id"], name="idx_execution_correlation"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "opportunity"], name="execution_once_per_opportunity"),
            models.UniqueConstraint(fields=["mode", "run_id", "reservation_id"], name="execution_once_per_reservation"),
            models.CheckConstraint(condition=Q(state__in=list(ExecutionState)), name="execution_state_is_known"),
            models.CheckConstraint(
                condition=is_number(
                    "notional_usd",
                    "dust_quantity",
                    "planned_gross_quote",
                    "planned_net_quote",
                    "gross_quote",
                    "fees_quote",
                    "gas_quote",
                    "slippage_quote",
                    "unwind_quote",
                    "net_quote",
                    "net_usd",
                ),
                name="execution_money_is_a_number",
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True) | (Q(net_usd__isnull=False) & is_number("net_quote", "net_usd")),
                name="execution_settles_with_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {route_said(self.route_key)} {self.state}"


class Order(ScopedModel):
    """One order of an execution: written before it is sent, never sent twice."""

    STATES = LegState

    class Role(models.TextChoices):
        """Why the order exists."""

        OPEN = "open"
        UNWIND = "unwind"

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="orders")
    leg = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    role = models.CharField(max_length=8, choices=Role, default=Role.OPEN)
    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    quantity = MoneyField()
    limit_price = MoneyField()
    quantity_step = MoneyField()
    price_tick = MoneyField()
    state = models.CharField(max_length=12, choices=choices_of(LegState), default=LegState.PLANNED)
    client_id = models.CharField(max_length=36)
    venue_order_id = models.CharField(max_length=64, blank=True)
    filled_quantity = MoneyField(default=0)
    sending_at = models.DateTimeField(null=True, help_text="when the decision to send was committed")
    closed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    gas_asset = models.CharField(max_length=16, blank=True, help_text="what a chain takes for the transaction")
    gas_rate = MoneyField(null=True, help_text="quote per unit of the gas asset, at the decision")
    gas_amount = MoneyField(null=True, help_text="in the gas asset; paid for what reverts, too")
    gas_quote = MoneyField(null=True)

    class Meta(ScopedModel.Meta):
        ordering = ["execution_id", "leg", "attempt"]
        indexes = [
            models.Index(fields=["mode", "run_id", "-id"], name="idx_order_scope"),
            models.Index(fields=["mode", "run_id", "state", "-id"], name="idx_order_state"),
            models.Index(fields=["mode", "run_id", "role", "-id"], name="idx_order_role"),
            models.Index(fields=["mode", "run_id", "venue", "-id"], name="idx_order_venue"),
            models.Index(fields=["client_id"], name="idx_order_client"),
            models.Index(fields=["venue_order_id"], name="idx_order_venue_order"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["execution", "leg", "attempt"], name="order_intended_once"),
            models.UniqueConstraint(fields=["venue", "client_id"], name="order_client_id_is_unique_at_its_venue"),
            models.CheckConstraint(condition=is_positive("quantity"), name="order_quantity_is_positive"),
            models.CheckConstraint(condition=is_positive("limit_price"), name="order_limit_is_positive"),
            models.CheckConstraint(
                condition=is_positive("quantity_step") & is_positive("price_tick"), name="order_grid_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(filled_quantity__gte=0) & Q(filled_quantity__lte=F("quantity")),
                name="execution_never_overfilled",
            ),
            models.CheckConstraint(condition=Q(state__in=list(LegState)), name="order_state_is_known"),
            models.CheckConstraint(condition=Q(side__in=list(Side)), name="order_side_is_known"),
            models.CheckConstraint(
                condition=is_number("gas_rate", "gas_amount", "gas_quote"), name="order_gas_is_a_number"
            ),
        ]

    @property
    def market(self) -> MarketKey:
        """Return the market that it trades on."""
        return MarketKey(self.venue, Pair.parse(self.symbol))

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity)} {self.symbol} on {self.venue}"


class Fill(ScopedModel):
    """What a venue says it traded for us; only ever appended."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    venue = models.CharField(max_length=32)
    trade_id = models.CharField(max_length=64)
    price = MoneyField()
    quantity = MoneyField()
    exact_quote = MoneyField(null=True, help_text="what was paid or received, where price times quantity is not exact")
    fee_asset = models.CharField(max_length=16)
    fee = MoneyField()
    filled_at = models.DateTimeField()

    class Meta(ScopedModel.Meta):
        ordering = ["id"]
        indexes = [
            models.Index(fields=["mode", "run_id", "-id"], name="idx_fill_scope"),
            models.Index(fields=["mode", "run_id", "venue", "-id"], name="idx_fill_venue"),
            models.Index(fields=["trade_id"], name="idx_fill_trade"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "venue", "trade_id"], name="fill_recorded_once"),
            models.CheckConstraint(
                condition=is_positive("price") & is_positive("quantity"), name="fill_price_and_quantity_are_positive"
            ),
            models.CheckConstraint(condition=is_number("fee", "exact_quote"), name="fill_amounts_are_numbers"),
        ]

    def __str__(self) -> str:
        return f"{plain(self.quantity)} at {plain(self.price)}"


class LedgerEntry(ScopedModel):
    """One line of double entry: the lines of a fill sum to zero per asset, as do those of an order's gas.

    Only ever appended.
    """

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="entries")
    fill = models.ForeignKey(Fill, on_delete=models.PROTECT, related_name="entries", null=True)
    gas_of = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="gas_entries", null=True)
    account = models.CharField(max_length=64, help_text="venue:kraken, market:kraken, fees:kraken, gas:uniswap_v2")
    asset = models.CharField(max_length=16)
    amount = MoneyField()
    recorded_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=36, blank=True, help_text="of the opportunity that it goes back to")

    class Meta(ScopedModel.Meta):
        ordering = ["id"]
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["correlation_id"], name="idx_ledger_correlation"),
            models.Index(fields=["mode", "run_id", "-id"], name="idx_ledger_scope"),
            models.Index(fields=["mode", "run_id", "account", "-id"], name="idx_ledger_account"),
            models.Index(fields=["mode", "run_id", "asset", "-id"], name="idx_ledger_asset"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=is_number("amount"), name="ledger_amount_is_a_number"),
            models.CheckConstraint(
                condition=Q(fill__isnull=True, gas_of__isnull=False) | Q(fill__isnull=False, gas_of__isnull=True),
                name="ledger_entry_is_of_a_fill_or_of_gas",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount.normalize():+f} {self.asset}"


class StateEvent(ScopedModel):
    """One row of an execution's or an order's life; only ever appended."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="events")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", null=True)
    event = models.CharField(max_length=32)
    from_state = models.CharField(max_length=16)
    to_state = models.CharField(max_length=16)
    happened_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    class Meta(ScopedModel.Meta):
        ordering = ["id"]
        indexes = [
            models.Index(fields=["mode", "run_id", "-id"], name="idx_event_scope"),
            models.Index(fields=["mode", "run_id", "event", "-id"], name="idx_event_event"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} + {self.event} = {self.to_state}"
