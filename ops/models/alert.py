"""Alerts: what a person must hear of."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ops.scoped import ScopedModel


class Level(models.TextChoices):
    """How loudly to say it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Delivery(models.TextChoices):
    """What became of the message."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    NO_CHANNEL = "no_channel"  # no address is configured, or it tells of a recording: it is read on screen


class Alert(ScopedModel):
    """One alert; the same key again within the throttle only counts up ``repeats``."""

    key = models.CharField(max_length=150)
    level = models.CharField(max_length=8, choices=Level)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    repeats = models.PositiveIntegerField(default=0)
    repeated_at = models.DateTimeField(null=True, blank=True)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.PENDING)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True, default="")
    correlation_id = models.CharField(max_length=64, blank=True, default="")

    class Meta(ScopedModel.Meta):
        ordering = ["-id"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(level__in=Level.values), name="alert_level_is_known"),
            models.CheckConstraint(condition=Q(delivery__in=Delivery.values), name="alert_delivery_is_known"),
            models.CheckConstraint(condition=~Q(key=""), name="alert_has_a_key"),
            models.CheckConstraint(
                condition=~Q(delivery=Delivery.FAILED) | ~Q(failure=""), name="alert_failure_is_explained"
            ),
        ]
        indexes = [
            models.Index(fields=["key", "-created_at"], name="alert_latest_by_key"),
            models.Index(fields=["mode", "run_id", "-id"], name="alert_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.level}: {self.title}"
