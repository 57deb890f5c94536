"""Recordings: every sound book as it was seen, in pages that a replay reads back digit for digit."""

from django.db import models
from django.db.models import F, Q

from ops.scoped import ScopedModel


class Recording(ScopedModel):
    """One unbroken watch of the markets by one process, and what its decisions were made with."""

    process = models.CharField(max_length=16, help_text="collect or stream")
    terms = models.JSONField(default=dict, help_text="thresholds, fees, lots and delay of its decisions")
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="none while it runs, or where it was killed")
    updates = models.BigIntegerField(default=0, help_text="books written")
    lost = models.BigIntegerField(default=0, help_text="books seen but never written")
    pages = models.PositiveIntegerField(default=0)

    class Meta(ScopedModel.Meta):
        db_table = "recordings"
        ordering = ["-started_at"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(updates__gte=0) & Q(lost__gte=0), name="recording_counts_what_was_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.process} {self.started_at:%Y-%m-%d %H:%M}"


class RecordedPage(ScopedModel):
    """A stretch of a recording, compressed, readable without the pages before it."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    updates = models.PositiveIntegerField()
    payload = models.BinaryField()

    class Meta(ScopedModel.Meta):
        db_table = "recorded_pages"
        ordering = ["recording_id", "number"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["recording", "number"], name="page_is_written_once"),
            models.CheckConstraint(
                condition=Q(last_at__gte=F("first_at")) & Q(updates__gt=0), name="page_holds_something"
            ),
        ]

    def __str__(self) -> str:
        return f"page {self.number} of recording {self.recording_id}"


class RecordedHour(ScopedModel):
    """How many books of a venue were recorded in an hour: the coverage of the data."""

    hour = models.DateTimeField()
    venue = models.CharField(max_length=32)
    updates = models.BigIntegerField()

    class Meta(ScopedModel.Meta):
        db_table = "recorded_hours"
        ordering = ["-hour", "venue"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "hour", "venue"], name="hour_recorded_once_per_venue"),
            models.CheckConstraint(condition=Q(updates__gte=0), name="recorded_hour_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.hour:%Y-%m-%d %H:00}"
