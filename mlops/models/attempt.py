"""Attempts at training by the schedule, and what came of each: that nothing was trained has a reason to be read."""

from django.db import models
from django.db.models import Q

from domain.scores import ModelName
from ops.columns import choices_of
from ops.scoped import ScopedModel


class TrainingAttempt(ScopedModel):
    """One model that the schedule tried to train, and the version that came of it or why none did."""

    attempted_at = models.DateTimeField()
    model_name = models.CharField(max_length=32, choices=choices_of(ModelName))
    n_samples = models.PositiveIntegerField(help_text="Labelled samples that there were.")
    tag = models.CharField(max_length=15, blank=True, help_text="Of the version that was trained.")
    why = models.CharField(max_length=200, blank=True, help_text="Why none was trained.")

    class Meta(ScopedModel.Meta):
        verbose_name = "training attempt"
        ordering = ["-attempted_at", "model_name"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(tag="") & ~Q(why="") | ~Q(tag="") & Q(why=""), name="attempt_trained_or_says_why"
            ),
        ]
        indexes = [models.Index(fields=["mode", "run_id", "-attempted_at"], name="idx_attempt_scope_time")]

    def __str__(self) -> str:
        return f"{self.model_name} at {self.attempted_at:%Y-%m-%d %H:%M:%S}"
