"""The outbox: what a committed transaction wants done, kept until the broker has it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ops.scoped import ScopedModel


class Outbox(ScopedModel):
    """One task to be sent: its name and the id of the row it is about."""

    kind = models.CharField(max_length=100, help_text="Name of the Celery task.")
    row_id = models.BigIntegerField(help_text="The task's only argument.")
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), help_text="Not sent before this instant.")
    dispatched_at = models.DateTimeField(null=True, blank=True, help_text="When the broker had accepted it.")
    attempts = models.PositiveIntegerField(default=0)
    correlation_id = models.CharField(max_length=64, blank=True, default="")

    class Meta(ScopedModel.Meta):
        verbose_name_plural = "outbox"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=~Q(kind=""), name="outbox_kind_is_named"),
            models.CheckConstraint(condition=Q(row_id__gt=0), name="outbox_row_id_is_positive"),
            models.CheckConstraint(
                condition=Q(dispatched_at__isnull=True) | Q(attempts__gte=1), name="outbox_dispatch_was_attempted"
            ),
        ]
        indexes = [
            models.Index(fields=["mode", "due_at"], condition=Q(dispatched_at__isnull=True), name="outbox_waiting"),
            models.Index(fields=["mode", "run_id", "-id"], name="outbox_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"
