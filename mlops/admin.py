"""The models app in the admin: to be read, never edited."""

from django.contrib import admin

from mlops.models import ModelPerformance, Sample
from ops.admin.base import ReadOnlyAdmin
from ops.admin.columns import column, result
from ops.admin.filters import recent


@admin.register(Sample)
class SampleAdmin(ReadOnlyAdmin):
    """Samples, the newest first."""

    icon = "dataset"
    list_display = (
        column("timestamp", "at (UTC)"),
        "scope_label",
        column("opportunity_id", "opportunity"),
        column("executed"),
        column("edge_at_latency_bps", "edge after the delay, bps"),
        result("settled_net_usd", "settled net"),
    )
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)


@admin.register(ModelPerformance)
class ModelPerformanceAdmin(ReadOnlyAdmin):
    """Validations, the newest first."""

    icon = "monitoring"
    list_display = (
        column("timestamp", "at (UTC)"),
        "scope_label",
        column("model_name", "model"),
        column("model_version", "version"),
        column("accuracy"),
        column("avg_actual_profit", "average actual profit"),
        column("n"),
    )
    list_filter = (*ReadOnlyAdmin.list_filter, recent("model_name"))
    newest_column = "timestamp"
    sortable_by = ("timestamp", "model_name", "model_version", "accuracy", "avg_actual_profit", "n")
