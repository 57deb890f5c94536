"""Model performance: how each version did, measured on data it had not seen."""

from django.db import models
from django.db.models import Q

from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel

SHARES = ("accuracy", "precision", "recall", "f1", "brier")


def _share(name: str) -> Q:
    return Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0, f"{name}__lte": 1})


class ModelPerformance(ScopedModel):
    """One validation of one model version; what a kind of model does not have is null."""

    timestamp = models.DateTimeField()
    window_from = models.DateTimeField(null=True, blank=True)
    window_to = models.DateTimeField(null=True, blank=True)
    alias = models.CharField(max_length=16, blank=True, help_text="what it was then: champion or challenger")
    model_name = models.CharField(max_length=64)
    model_version = models.CharField(max_length=64)
    accuracy = models.FloatField(null=True, blank=True)
    precision = models.FloatField(null=True, blank=True)
    recall = models.FloatField(null=True, blank=True)
    f1 = models.FloatField(null=True, blank=True)
    brier = models.FloatField(null=True, blank=True)
    mae = models.FloatField(null=True, blank=True)
    correlation = models.FloatField(null=True, blank=True)
    mean_percent_error = models.FloatField(null=True, blank=True)
    avg_actual_profit = MoneyField(null=True, blank=True)
    avg_predicted_profit = MoneyField(null=True, blank=True)
    n = models.PositiveIntegerField(help_text="Samples it was measured on.")
    n_executed = models.PositiveIntegerField(null=True, blank=True, help_text="Of them those that were executed.")
    detail = models.JSONField(default=dict, help_text="Calibration bins, intervals, baselines, drift of each feature.")

    class Meta(ScopedModel.Meta):
        verbose_name = "model performance"
        verbose_name_plural = "model performance"
        db_table = "model_performance"
        constraints = [
            *ScopedModel.Meta.constraints,
            *(
                models.CheckConstraint(condition=_share(name), name=f"model_performance_{name}_is_a_share")
                for name in SHARES
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 0, f"{name}__lt": 1e18}),
                    name=f"model_performance_{name}_is_from_zero",
                )
                for name in ("mae", "mean_percent_error")
            ),
            models.CheckConstraint(
                condition=Q(correlation__isnull=True) | Q(correlation__gte=-1, correlation__lte=1),
                name="model_performance_correlation_is_from_minus_one_to_one",
            ),
            models.CheckConstraint(
                condition=is_number("avg_actual_profit", "avg_predicted_profit"),
                name="model_performance_profits_are_numbers",
            ),
            models.CheckConstraint(condition=Q(n__gt=0), name="model_performance_was_measured_on_something"),
            models.CheckConstraint(
                condition=~Q(model_name="") & ~Q(model_version=""), name="model_performance_names_its_model"
            ),
        ]
        indexes = [models.Index(fields=["model_name", "-timestamp"], name="idx_model_perf_name_time")]

    def __str__(self) -> str:
        return f"{self.model_name} {self.model_version}"
