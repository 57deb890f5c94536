"""Samples: the features of each opportunity and near miss as they stood at decision time, and what came of it."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from ops.columns import MoneyField, choices_of, is_number
from ops.scoped import ScopedModel


class SampleKind(StrEnum):
    """Whether the rules would have traded it."""

    OPPORTUNITY = "opportunity"
    NEAR_MISS = "near_miss"  # its net edge lay below the threshold, within the stated distance


class Sample(ScopedModel):
    """One episode of a route for a model to learn from; labels are null until they are known.

    What was not executed is a shadow: its labels tell what the market would have given, never what was earned.
    """

    kind = models.CharField(max_length=16, choices=choices_of(SampleKind), default=SampleKind.OPPORTUNITY.value)
    route_key = models.CharField(max_length=120)
    symbol = models.CharField(max_length=32)
    timestamp = models.DateTimeField(help_text="when it was decided")
    opportunity_id = models.BigIntegerField(null=True, blank=True)
    feature_set = models.CharField(max_length=64)
    feature_hash = models.CharField(max_length=64)
    features = models.JSONField(help_text="Values by name; null where unknown.")
    resolution_s = models.FloatField(default=0, help_text="Seconds between observations; 0 for live books.")
    net_bps = models.FloatField(help_text="planned, after every cost")
    notional_usd = MoneyField()
    scores = models.JSONField(default=dict, help_text="What the models said at the decision, challengers beside it.")
    explored = models.BooleanField(default=False, help_text="Traded by chance although the models refused.")
    executed = models.BooleanField(default=False)
    edge_at_latency_bps = models.FloatField(
        null=True, blank=True, help_text="What the planned trade nets on the market after the delay; may be a loss."
    )
    fillable_share_at_latency = models.FloatField(
        null=True, blank=True, help_text="The size that still pays after the delay, as a share of the planned one."
    )
    settled_net_usd = MoneyField(null=True, blank=True)
    slippage_bps = models.FloatField(null=True, blank=True, help_text="Realised by the execution.")
    known_at = models.DateTimeField(null=True, blank=True, help_text="the market's instant of its last label")

    class Meta(ScopedModel.Meta):
        verbose_name = "sample"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "route_key", "timestamp"], name="route_is_sampled_once_at_an_instant"
            ),
            models.UniqueConstraint(fields=["mode", "run_id", "opportunity_id"], name="opportunity_is_sampled_once"),
            models.CheckConstraint(
                condition=Q(kind=SampleKind.OPPORTUNITY.value, opportunity_id__isnull=False)
                | Q(kind=SampleKind.NEAR_MISS.value, opportunity_id__isnull=True, executed=False, explored=False),
                name="near_miss_is_never_traded",
            ),
            models.CheckConstraint(
                condition=Q(resolution_s__gte=0, resolution_s__lt=float("1e9")),
                name="sample_resolution_is_a_number_from_zero",
            ),
            models.CheckConstraint(
                condition=Q(net_bps__gt=-1e10, net_bps__lt=1e10), name="sample_net_edge_is_a_number"
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gt": -1e10, f"{name}__lt": 1e10}),
                    name=f"sample_{name.removesuffix('_bps')}_is_a_number",
                )
                for name in ("edge_at_latency_bps", "slippage_bps")
            ),
            models.CheckConstraint(
                condition=Q(fillable_share_at_latency__isnull=True)
                | Q(fillable_share_at_latency__gte=0, fillable_share_at_latency__lt=1e10),
                name="sample_fillable_share_is_from_zero",
            ),
            models.CheckConstraint(
                condition=is_number("settled_net_usd", "notional_usd"), name="sample_money_is_a_number"
            ),
            models.CheckConstraint(
                condition=Q(executed=True) | Q(settled_net_usd__isnull=True, slippage_bps__isnull=True),
                name="only_an_executed_sample_has_a_result",
            ),
            models.CheckConstraint(
                condition=~Q(feature_set="") & ~Q(feature_hash="") & ~Q(route_key=""),
                name="sample_names_its_route_and_feature_set",
            ),
        ]
        indexes = [
            models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_sample_scope_time"),
            models.Index(fields=["mode", "run_id", "kind", "-timestamp"], name="idx_sample_kind_time"),
            models.Index(fields=["mode", "run_id", "symbol", "-timestamp"], name="idx_sample_symbol_time"),
            models.Index(
                fields=["mode", "run_id", "-timestamp"],
                condition=Q(settled_net_usd__isnull=False),
                name="idx_sample_settled_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.route_key} at {self.timestamp:%Y-%m-%d %H:%M:%S}"
