"""Samples: the features of each opportunity as they stood at decision time, and what came of it."""

from django.db import models
from django.db.models import Q

from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel


class Sample(ScopedModel):
    """One opportunity for a model to learn from; labels are null until they are known."""

    opportunity_id = models.BigIntegerField()
    timestamp = models.DateTimeField()
    feature_set = models.CharField(max_length=64)
    feature_hash = models.CharField(max_length=64)
    features = models.JSONField(help_text="Values by name; null where unknown.")
    resolution_s = models.FloatField(default=0, help_text="Seconds between observations; 0 for live books.")
    executed = models.BooleanField(default=False)
    shadow = models.BooleanField(default=False, help_text="Scored by a challenger, never acted upon.")
    edge_at_latency_bps = models.FloatField(null=True, blank=True)
    fillable_at_latency = models.BooleanField(null=True, blank=True)
    settled_net_usd = MoneyField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = "sample"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "opportunity_id"], name="opportunity_is_sampled_once"),
            models.CheckConstraint(
                condition=Q(resolution_s__gte=0, resolution_s__lt=float("1e9")),
                name="sample_resolution_is_a_number_from_zero",
            ),
            models.CheckConstraint(
                condition=Q(edge_at_latency_bps__isnull=True)
                | Q(edge_at_latency_bps__gt=-1e9, edge_at_latency_bps__lt=1e9),
                name="sample_edge_is_a_number",
            ),
            models.CheckConstraint(condition=is_number("settled_net_usd"), name="sample_net_is_a_number"),
            models.CheckConstraint(
                condition=Q(executed=True) | Q(settled_net_usd__isnull=True), name="only_an_executed_sample_has_a_net"
            ),
            models.CheckConstraint(
                condition=~Q(feature_set="") & ~Q(feature_hash=""), name="sample_names_its_feature_set"
            ),
        ]
        indexes = [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_sample_scope_time")]

    def __str__(self) -> str:
        return f"sample of opportunity {self.opportunity_id}"
