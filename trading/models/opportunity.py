"""Opportunities: episodes in which a route paid after every cost, and counts of what was refused before that."""

from django.db import models
from django.db.models import Q

from domain.routes import route_said
from ops.columns import MoneyField, is_number, is_positive
from ops.scoped import ScopedModel


class Opportunity(ScopedModel):
    """One episode, written when it opens, when it closes, and once more at settlement."""

    timestamp = models.DateTimeField(help_text="when the net edge first cleared its threshold")
    closed_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=36, blank=True)
    route_key = models.CharField(max_length=120)
    symbol = models.CharField(max_length=32)
    buy_venue = models.CharField(max_length=32)
    sell_venue = models.CharField(max_length=32)
    size = MoneyField(help_text="base units planned")
    notional_usd = MoneyField()
    edge_bps = MoneyField(help_text="net of every cost")
    gross_edge_bps = MoneyField()
    peak_edge_bps = MoneyField()
    costs = models.JSONField(default=list)
    books = models.JSONField(default=list, help_text="both books as seen at the decision")
    features = models.JSONField(default=dict)
    feature_set = models.CharField(max_length=32, blank=True)
    feature_hash = models.CharField(max_length=64, blank=True)
    scores = models.JSONField(default=dict)
    gates = models.JSONField(default=list, help_text="each gate's answer")
    reason = models.CharField(max_length=64, blank=True, help_text="why it was not traded")
    executed = models.BooleanField(default=False)
    profitable = models.BooleanField(null=True)
    profit_quote = MoneyField(null=True)
    profit_usd = MoneyField(null=True)
    resolution_s = models.PositiveIntegerField(default=0, help_text="0 for books, 60 for one-minute candles")

    class Meta(ScopedModel.Meta):
        db_table = "arbitrage_opportunities"
        verbose_name_plural = "opportunities"
        ordering = ["-timestamp"]
        indexes = [
            models.Index(
                fields=["mode", "run_id", "-timestamp"], include=["executed", "reason"], name="idx_arb_scope_time"
            ),
            models.Index(
                fields=["profitable", "-timestamp"], condition=Q(executed=True), name="idx_arb_profitable_time"
            ),
            models.Index(
                fields=["mode", "run_id", "-timestamp"], condition=Q(executed=True), name="idx_arb_executed_time"
            ),
            models.Index(fields=["mode", "run_id", "route_key", "-timestamp"], name="idx_arb_route_time"),
            models.Index(fields=["mode", "run_id", "symbol", "-timestamp"], name="idx_arb_symbol_time"),
            models.Index(fields=["mode", "run_id", "reason", "-timestamp"], name="idx_arb_reason_time"),
            models.Index(fields=["mode", "run_id", "buy_venue", "-timestamp"], name="idx_arb_buy_time"),
            models.Index(fields=["mode", "run_id", "sell_venue", "-timestamp"], name="idx_arb_sell_time"),
            models.Index(fields=["mode", "run_id", "-edge_bps"], name="idx_arb_edge"),
            models.Index(fields=["correlation_id"], name="idx_arb_correlation"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=is_positive("size"), name="opportunity_size_is_positive"),
            models.CheckConstraint(
                condition=is_number("edge_bps", "gross_edge_bps", "peak_edge_bps", "notional_usd"),
                name="opportunity_edges_are_numbers",
            ),
            models.CheckConstraint(
                condition=is_number("profit_quote", "profit_usd"), name="opportunity_profit_is_a_number"
            ),
            models.CheckConstraint(
                condition=Q(profit_quote__isnull=True) | Q(executed=True), name="opportunity_profit_needs_execution"
            ),
        ]

    def __str__(self) -> str:
        return f"{route_said(self.route_key)} {self.edge_bps:.1f} bps"


class OpenEpisode(ScopedModel):
    """The one open episode of a route, whoever saw it first."""

    route_key = models.CharField(max_length=120)
    opportunity_id = models.BigIntegerField()
    opportunity_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta(ScopedModel.Meta):
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "route_key"], name="episode_open_once_per_route"),
        ]

    def __str__(self) -> str:
        return route_said(self.route_key)


class EvaluationCount(ScopedModel):
    """How often a route was looked at in an hour, by the stage and reason that ended the look."""

    hour = models.DateTimeField()
    route_key = models.CharField(max_length=120)
    stage = models.CharField(max_length=16)
    reason = models.CharField(max_length=64, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta(ScopedModel.Meta):
        ordering = ["-hour", "route_key"]
        indexes = [
            models.Index(fields=["mode", "run_id", "route_key", "-hour"], name="idx_evaluation_route_hour"),
            models.Index(fields=["mode", "run_id", "stage", "reason", "-hour"], name="idx_evaluation_reason_hour"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "hour", "route_key", "stage", "reason"],
                name="evaluation_counted_once_per_hour_and_reason",
            ),
            models.CheckConstraint(condition=Q(count__gte=0), name="evaluation_count_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{route_said(self.route_key)} {self.stage} {self.reason}: {self.count}"


class OfferedEdge(ScopedModel):
    """How often in an hour a route offered this gross edge at the best prices, looked at in even time steps."""

    hour = models.DateTimeField()
    route_key = models.CharField(max_length=120)
    tenth_bps = models.IntegerField(help_text="gross edge in tenths of a basis point, rounded down")
    count = models.BigIntegerField(default=0)

    class Meta(ScopedModel.Meta):
        db_table = "offered_edges"
        ordering = ["-hour", "route_key", "tenth_bps"]
        indexes = [models.Index(fields=["mode", "run_id", "route_key", "-hour"], name="idx_offer_route_hour")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "hour", "route_key", "tenth_bps"], name="edge_offered_once_per_hour"
            ),
            models.CheckConstraint(condition=Q(count__gte=0), name="offered_edge_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{route_said(self.route_key)} {self.tenth_bps / 10:.1f} bps: {self.count}"
