"""What the market looked like later: the book a paper order fills against, and how each edge decayed."""

from django.db import models
from django.db.models import Q

from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel
from trading.models.execution import Order


class FillObservation(ScopedModel):
    """The book an order meets: the market as it stands at ``due_at``, or nothing if it was not seen in time."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="observation")
    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    due_at = models.DateTimeField()
    observed_at = models.DateTimeField(null=True)
    book = models.JSONField(null=True)

    class Meta(ScopedModel.Meta):
        ordering = ["due_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(observed_at__isnull=True), name="idx_observation_pending"),
            models.Index(fields=["mode", "run_id", "-id"], name="idx_observation_scope"),
        ]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(observed_at__isnull=False) | Q(book__isnull=True), name="observation_book_has_an_instant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol} at {self.due_at:%H:%M:%S.%f}"


class EdgeObservation(ScopedModel):
    """What was left of an opportunity's edge some time after the decision."""

    timestamp = models.DateTimeField()
    opportunity_id = models.BigIntegerField(db_index=True)
    offset_ms = models.PositiveIntegerField()
    net_bps = MoneyField(null=True, help_text="none where a book was missing or stale")
    size = MoneyField(default=0, help_text="base units that still paid")

    class Meta(ScopedModel.Meta):
        db_table = "edge_observations"
        ordering = ["-timestamp"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=is_number("net_bps", "size"), name="edge_observation_is_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id} +{self.offset_ms} ms"
