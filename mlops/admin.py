"""The models app in the admin: to be read, never edited."""

from django.contrib import admin

from mlops.models import ModelPerformance, Sample
from ops.admin_base import ReadOnlyAdmin


@admin.register(Sample)
class SampleAdmin(ReadOnlyAdmin):
    """Samples, the newest first."""

    icon = "dataset"
    list_display = ("timestamp", "opportunity_id", "executed", "edge_at_latency_bps", "settled_net_usd", "scope_label")
    list_filter = ("executed", "shadow", "feature_set", *ReadOnlyAdmin.list_filter)
    ordering = ("-timestamp",)


@admin.register(ModelPerformance)
class ModelPerformanceAdmin(ReadOnlyAdmin):
    """Validations, the newest first."""

    icon = "monitoring"
    list_display = ("timestamp", "model_name", "model_version", "accuracy", "avg_actual_profit", "n", "scope_label")
    list_filter = ("model_name", *ReadOnlyAdmin.list_filter)
    ordering = ("-timestamp",)
