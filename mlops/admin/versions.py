"""Versions of models: what each was trained on, what it could do then, whether its files are whole, and how it did."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import action

from domain.features import FEATURE_HASH
from domain.scores import ModelName
from mlops.admin.metrics import metrics_panels
from mlops.admin.rights import AliasedAdmin
from mlops.admin.serving import ALIAS_COLOURS
from mlops.bundle import BadBundle, Bundle
from mlops.models import ModelPerformance, ModelVersion
from mlops.services import promote
from ops.admin import figures
from ops.admin.columns import column
from ops.admin.detail import DetailAdmin
from ops.admin.operated import ReasonForm, dialog
from ops.admin.panels import Facts, Panel, Table, label, link

_HASH_SHOWN = 12
_MOST_ANCESTORS = 8
_MOST_DAYS = 30


@admin.register(ModelVersion)
class ModelVersionAdmin(AliasedAdmin, DetailAdmin):
    """Every version that was ever registered."""

    icon = "model_training"
    place = 1
    spans_runs = True
    list_display = (
        column("tag", "version"),
        column("model_name", "model"),
        "scope_label",
        "serves_as",
        "skill",
        column("n_samples", "samples"),
        column("n_executed", "executed"),
        "origin",
        column("data_to", "data to (UTC)", "%Y-%m-%d %H:%M"),
        column("expires_at", "expires (UTC)", "%Y-%m-%d %H:%M"),
    )
    list_filter = (
        *DetailAdmin.list_filter,
        ("model_name", ChoicesDropdownFilter),
        ("has_skill", BooleanRadioFilter),
        ("is_synthetic", BooleanRadioFilter),
    )
    actions_row = ["promote_version"]
    actions_detail = ["promote_version"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the versions with their aliases."""
        return super().get_queryset(request).prefetch_related("aliases")

    @admin.display(description="serves as")
    def serves_as(self, row: ModelVersion) -> str:
        """Return the aliases that it bears."""
        return figures.joined(_aliases(row)) or figures.NOTHING

    @admin.display(description="skill")
    def skill(self, row: ModelVersion) -> str:
        """Return whether it beat the baseline on data that it had not seen."""
        return label("skill", "success") if row.has_skill else label("no skill", "warning")

    @admin.display(description="learnt from")
    def origin(self, row: ModelVersion) -> str:
        """Return whether the prices it was trained on were simulated."""
        return label("simulation", "info") if row.is_synthetic else "outcomes"

    @action(
        description="Promote",
        permissions=["operate"],
        icon="arrow_upward",
        dialog=dialog(
            "Promote this version to champion",
            "Its scores act in every process of its mode and run; today's champion can be brought back.",
            "Promote",
        ),
    )
    def promote_version(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Make this version the champion of its scope."""
        row = self.acted_on(request, object_id)

        def deed() -> str:
            promote(
                ModelName(row.model_name),
                row.tag,
                scope=row.scope,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=datetime.now(UTC),
            )
            return f"{row} is champion of {row.scope}; every process follows within ten seconds."

        return self.carry_out(request, deed)

    def panels(self, row: ModelVersion) -> list[Panel]:
        """Return what it is, what it could do, where it comes from and how it did."""
        return [
            _identity(row),
            _files(row),
            *metrics_panels(row.metrics, row.model_name),
            _lineage(row),
            _performance(row),
        ]


def _aliases(row: ModelVersion) -> Iterator[str]:
    for one in row.aliases.all():
        yield label(one.alias, ALIAS_COLOURS[one.alias])
        if one.suspended_at is not None:
            yield label("suspended", "warning")


def _identity(row: ModelVersion) -> Facts:
    suspended = [one.suspended_why for one in row.aliases.all() if one.suspended_why]
    return Facts(
        f"{figures.words(row.model_name).capitalize()} {row.tag}",
        [
            ("serves as", figures.joined(_aliases(row)) or "nothing at present"),
            *(("suspended because", why) for why in suspended),
            ("skill", label("skill", "success") if row.has_skill else label("no skill", "warning")),
            ("because", row.why or figures.NOTHING),
            ("trained at (UTC)", figures.instant(row.created_at)),
            ("expires (UTC)", _expiry(row)),
            ("data from (UTC)", figures.instant(row.data_from)),
            ("data to (UTC)", figures.instant(row.data_to)),
            ("samples", f"{row.n_samples:,}, of them {row.n_executed:,} executed"),
            ("prices", "simulated: it is never served live" if row.is_synthetic else f"those of {row.mode}"),
            ("seed", f"{row.seed}"),
            ("git commit", row.git_commit[:_HASH_SHOWN] or "unknown"),
            ("champion when it was trained", link(row.parent, row.parent.tag) if row.parent else "none"),
        ],
    )


def _expiry(row: ModelVersion) -> str:
    is_over = row.expires_at <= datetime.now(UTC)
    text = figures.instant(row.expires_at)
    return figures.coloured(f"{text}, over: it abstains", good=False) if is_over else text


def _files(row: ModelVersion) -> Table:
    is_ours = row.feature_hash == FEATURE_HASH
    features = "as this version of the code reckons them" if is_ours else "others than this code reckons: it abstains"
    rows = [
        ("Files", f"{row.file_hash[:_HASH_SHOWN]}…", _whole(row)),
        ("Features", f"{row.feature_set}, {row.feature_hash[:_HASH_SHOWN]}…", figures.coloured(features, good=is_ours)),
        ("MLflow", row.mlflow_run_id or figures.NOTHING, _mirrored(row)),
    ]
    return Table("Files and features", ("What", "Which", "State"), rows)


def _whole(row: ModelVersion) -> str:
    """Read the files as a scorer would, and say what it would find."""
    try:
        Bundle.read(settings.ARB.models.directory, row.file_hash)
    except BadBundle as error:
        return figures.coloured(f"{error}: it abstains", good=False)
    return figures.coloured("there, and as they were written", good=True)


def _mirrored(row: ModelVersion) -> str:
    if row.mirror_error:
        return figures.coloured(f"not known there yet: {row.mirror_error}", good=False)
    return f"version {row.mlflow_version}" if row.mlflow_version else "not known there yet"


def _lineage(row: ModelVersion) -> Table:
    """Return the champions that were beaten, back to the first, and the versions that were trained beside this one."""
    headers = ("", "Version", "Trained at (UTC)", "Samples", "Skill", "Serves as")
    rows = [("before it", *_relative(one)) for one in _ancestors(row)]
    children = ModelVersion.objects.filter(parent=row).prefetch_related("aliases").order_by("-created_at")
    rows += [("after it", *_relative(one)) for one in children[:_MOST_ANCESTORS]]
    nothing = "There was no champion when it was trained, and nothing was trained after it."
    return Table("Lineage", headers, rows, nothing=nothing)


def _ancestors(row: ModelVersion) -> Iterator[ModelVersion]:
    parent = row.parent
    for _ in range(_MOST_ANCESTORS):
        if parent is None:
            return
        yield parent
        parent = parent.parent


def _relative(row: ModelVersion) -> tuple[str, ...]:
    skill = "yes" if row.has_skill else "no"
    at = figures.instant(row.created_at)
    return link(row, row.tag), at, f"{row.n_samples:,}", skill, figures.joined(_aliases(row)) or figures.NOTHING


def _performance(row: ModelVersion) -> Table:
    measured = ModelPerformance.objects.in_scope(row.scope).filter(model_name=row.model_name, model_version=row.tag)
    rows = [
        (
            link(one, figures.instant(one.timestamp)),
            figures.words(one.alias) or figures.NOTHING,
            figures.share(one.accuracy),
            _short(one.brier),
            _short(one.mae),
            _short(one.correlation),
            f"{one.n:,}",
        )
        for one in measured.order_by("-timestamp")[:_MOST_DAYS]
    ]
    headers = ("Measured at (UTC)", "As", "Accuracy", "Brier", "Mean absolute error", "Correlation", "Outcomes")
    return Table("How it did since", headers, rows, nothing="It has not been measured on outcomes yet.")


def _short(value: float | None) -> str:
    return figures.NOTHING if value is None else f"{value:.3g}"
