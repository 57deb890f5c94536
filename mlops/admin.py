"""The models app in the admin: to be read, never edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from mlops.models import ModelPerformance, Sample


class ReadOnlyAdmin(ModelAdmin):
    """Rows that the system writes and a person reads."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: the system adds these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: history is not changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: history is not deleted."""
        return False


@admin.register(Sample)
class SampleAdmin(ReadOnlyAdmin):
    """Samples, the newest first."""

    list_display = (
        "timestamp",
        "mode",
        "run_id",
        "opportunity_id",
        "executed",
        "edge_at_latency_bps",
        "settled_net_usd",
    )
    list_filter = ("mode", "executed", "shadow", "feature_set")
    ordering = ("-timestamp",)


@admin.register(ModelPerformance)
class ModelPerformanceAdmin(ReadOnlyAdmin):
    """Validations, the newest first."""

    list_display = ("timestamp", "mode", "run_id", "model_name", "model_version", "accuracy", "avg_actual_profit", "n")
    list_filter = ("mode", "model_name")
    ordering = ("-timestamp",)
