"""Trainings that the schedule tried: the version that came of each, or why none did."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from mlops.models import TrainingAttempt
from ops.admin.base import ReadOnlyAdmin
from ops.admin.columns import column


@admin.register(TrainingAttempt)
class TrainingAttemptAdmin(ReadOnlyAdmin):
    """Every attempt, the newest first."""

    icon = "fitness_center"
    place = 6
    list_display = (
        column("attempted_at", "at (UTC)"),
        "scope_label",
        column("model_name", "model"),
        column("n_samples", "labelled samples"),
        column("tag", "version"),
        column("why", "why none"),
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("model_name", ChoicesDropdownFilter))
    newest_column = "attempted_at"
    sortable_by = ("attempted_at",)
