"""Readings: how the system's own parts were at one instant; what dashboards and metrics show of them."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from ops.columns import choices_of
from ops.scoped import ScopedModel


class ReadingKind(StrEnum):
    """What is read; the unit is the last word."""

    QUEUE_DEPTH_MESSAGES = "queue_depth_messages"  # by queue
    QUEUE_DELAY_MS = "queue_delay_ms"  # by queue: how long the last canary waited
    CANARY_AGE_S = "canary_age_s"  # by queue, and beat's own
    OUTBOX_AGE_S = "outbox_age_s"  # of the oldest row not yet sent
    DATA_AGE_MS = "data_age_ms"  # by venue: of the youngest book or pool
    VENUE_HEALTH_SHARE = "venue_health_share"  # by venue, 0 to 1
    CLOCK_SKEW_MS = "clock_skew_ms"  # by venue: its clock less ours
    DATABASE_SIZE_BYTES = "database_size_bytes"
    DATABASE_SESSIONS = "database_sessions"
    DISK_FREE_BYTES = "disk_free_bytes"  # by folder: models, backups
    MEMORY_BYTES = "memory_bytes"  # by process
    BACKUP_AGE_S = "backup_age_s"  # of the newest that was verified


class Reading(ScopedModel):
    """One number of one part at one instant."""

    KINDS = ReadingKind

    timestamp = models.DateTimeField()
    kind = models.CharField(max_length=32, choices=choices_of(ReadingKind))
    subject = models.CharField(max_length=64, blank=True, default="", help_text="which queue, venue or folder")
    value = models.FloatField()

    class Meta(ScopedModel.Meta):
        db_table = "readings"
        ordering = ["-timestamp"]
        indexes = [models.Index(fields=["mode", "run_id", "kind", "-timestamp"], name="idx_reading_kind_time")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(kind__in=list(ReadingKind)), name="reading_kind_is_known"),
            models.CheckConstraint(
                condition=Q(value__gte=-1e300) & Q(value__lte=1e300), name="reading_value_is_a_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.value:g}"
