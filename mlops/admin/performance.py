"""How versions did on outcomes that came after them: daily, as champion or in the shadow."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin

from mlops.admin.reliability import reliability_of
from mlops.admin.serving import ALIAS_COLOURS
from mlops.admin.stored import drift_of, facts_of, figure, measures_of
from mlops.measures import named
from mlops.models import ModelPerformance
from ops.admin import figures
from ops.admin.columns import column, light, result
from ops.admin.detail import DetailAdmin
from ops.admin.filters import recent
from ops.admin.panels import Facts, Panel, label

_MEASURES = ("accuracy", "precision", "recall", "f1", "brier", "mae", "correlation", "mean_percent_error")


@admin.register(ModelPerformance)
class ModelPerformanceAdmin(DetailAdmin):
    """Validations, the newest first."""

    icon = "monitoring"
    place = 5
    list_display = (
        column("timestamp", "at (UTC)", "%Y-%m-%d %H:%M"),
        "scope_label",
        column("model_name", "model"),
        column("model_version", "version"),
        light("alias", ALIAS_COLOURS, "as"),
        column("accuracy", form=".2%"),
        column("brier"),
        column("mae", "mean abs. error"),
        column("correlation"),
        result("avg_predicted_profit", "predicted", "usd"),
        result("avg_actual_profit", "earned", "usd"),
        "outcomes",
    )
    list_filter = (*DetailAdmin.list_filter, recent("model_name"))
    newest_column = "timestamp"
    sortable_by = ("timestamp", "model_name", "model_version", "avg_actual_profit", "outcomes")

    @admin.display(description="outcomes", ordering="n")
    def outcomes(self, row: ModelPerformance) -> str:
        """Return how many outcomes it was measured on, and how many of them were executed."""
        executed = "" if row.n_executed is None else f", {row.n_executed:,} executed"
        return figures.whole(f"{row.n:,}{executed}")

    def panels(self, row: ModelPerformance) -> list[Panel]:
        """Return what was measured, against what, and how the features drifted."""
        return [_measured(row), *_detail(row)]


def _measured(row: ModelPerformance) -> Facts:
    return Facts(
        f"{figures.words(row.model_name).capitalize()} {row.model_version}",
        [
            ("as", label(row.alias, ALIAS_COLOURS.get(row.alias, "")) if row.alias else figures.NOTHING),
            ("measured at (UTC)", figures.instant(row.timestamp)),
            ("outcomes from (UTC)", figures.instant(row.window_from)),
            ("outcomes to (UTC)", figures.instant(row.window_to)),
            ("outcomes", f"{row.n:,}"),
            ("of them executed", figures.NOTHING if row.n_executed is None else f"{row.n_executed:,}"),
            *((named(name), figure(name, getattr(row, name))) for name in _MEASURES if getattr(row, name) is not None),
            ("average predicted profit", figures.shown("usd", row.avg_predicted_profit)),
            ("average actual profit", figures.shown("usd", row.avg_actual_profit)),
        ],
    )


def _detail(row: ModelPerformance) -> Iterator[Panel]:
    told: Mapping[str, Any] = row.detail
    if told.get("judged"):
        yield measures_of("Beside the rule", told["judged"], told.get("rule"))
    if told.get("executed"):
        yield measures_of("Executed outcomes alone", told["executed"])
    if picture := reliability_of("Said against came", told.get("bins") or [], row.model_name):
        yield picture
    if told.get("psi"):
        yield drift_of(told["psi"])
    for name, title in (("abstained", "Abstained"), ("effect", "What its refusals would have changed")):
        if told.get(name):
            yield facts_of(title, told[name])
