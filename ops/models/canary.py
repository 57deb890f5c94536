"""Canaries: proof that a queue is consumed, and that beat beats."""

from django.db import models
from django.db.models import F, Q

from ops.scoped import ScopedModel


class Canary(ScopedModel):
    """The last sign of life of one queue; ``beat`` has one of its own."""

    queue = models.CharField(max_length=50)
    sent_at = models.DateTimeField()
    consumed_at = models.DateTimeField()
    consumed = models.PositiveBigIntegerField(default=1, help_text="How many have come through.")

    class Meta(ScopedModel.Meta):
        verbose_name_plural = "canaries"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "queue"], name="canary_is_one_per_queue"),
            models.CheckConstraint(condition=~Q(queue=""), name="canary_queue_is_named"),
            models.CheckConstraint(
                condition=Q(consumed_at__gte=F("sent_at")), name="canary_is_not_consumed_before_it_is_sent"
            ),
        ]

    def __str__(self) -> str:
        return self.queue
