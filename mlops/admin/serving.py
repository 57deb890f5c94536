"""What serves: the aliases that every process follows, and what each process says it serves."""

from datetime import UTC, datetime

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action

from domain.scores import ModelName
from mlops.abstentions import abstention_said
from mlops.admin.rights import AliasedAdmin
from mlops.models import ModelAlias, ServedModel
from mlops.selectors import SILENT_AFTER
from mlops.services import rollback
from ops.admin import figures
from ops.admin.base import ReadOnlyAdmin
from ops.admin.columns import column, light
from ops.admin.detail import DetailAdmin
from ops.admin.operated import ReasonForm, dialog
from ops.admin.panels import label, link

ALIAS_COLOURS = {"champion": "success", "challenger": "info", "previous": ""}


@admin.register(ModelAlias)
class ModelAliasAdmin(AliasedAdmin, DetailAdmin):
    """Which version is champion, challenger and previous champion of each scope."""

    icon = "workspace_premium"
    place = 2
    spans_runs = True
    list_display = (
        column("model_name", "model"),
        light("alias", ALIAS_COLOURS),
        "version_link",
        "scope_label",
        column("moved_at", "since (UTC)"),
        "acts",
        column("is_mirrored", "in MLflow"),
    )
    list_filter = (
        *ReadOnlyAdmin.list_filter,
        ("model_name", ChoicesDropdownFilter),
        ("alias", ChoicesDropdownFilter),
    )
    list_select_related = ("version",)
    ordering = ("mode", "run_id", "model_name", "alias")
    actions_row = ["roll_back"]
    actions_detail = ["roll_back"]

    @admin.display(description="version")
    def version_link(self, row: ModelAlias) -> str:
        """Return the way to the version."""
        return link(row.version, row.version.tag)

    @admin.display(description="acts")
    def acts(self, row: ModelAlias) -> str:
        """Return whether its scores act, and why not."""
        return acting(row)

    @action(
        description="Roll back",
        permissions=["operate"],
        icon="undo",
        dialog=dialog(
            "Roll back this model", "Brings back the champion before this one, in every process.", "Roll back"
        ),
    )
    def roll_back(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Make the previous champion of this row's model and scope champion again."""
        row = self.acted_on(request, object_id)

        def deed() -> str:
            move = rollback(
                ModelName(row.model_name),
                scope=row.scope,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=datetime.now(UTC),
            )
            return f"{move.champion} is champion again; {move.note or 'every process follows within ten seconds'}."

        return self.carry_out(request, deed)


def acting(row: ModelAlias) -> str:
    """Return whether the scores of an alias act, and why not."""
    if row.alias != "champion":
        return figures.NOTHING
    if row.suspended_at is not None:
        return figures.joined([label("suspended", "warning"), row.suspended_why])
    return label("acts", "success")


@admin.register(ServedModel)
class ServedModelAdmin(DetailAdmin):
    """What each process serves, in its own words."""

    icon = "dns"
    place = 3
    spans_runs = True
    list_display = (
        column("process"),
        column("model_name", "model"),
        light("alias", ALIAS_COLOURS),
        column("tag", "version"),
        "scope_label",
        "state",
        column("since", "since (UTC)"),
        "heard",
    )
    list_filter = (
        *ReadOnlyAdmin.list_filter,
        ("model_name", ChoicesDropdownFilter),
        ("alias", ChoicesDropdownFilter),
    )
    ordering = ("mode", "-run_id", "process", "model_name", "alias")  # of demos the last one first

    @admin.display(description="judges")
    def state(self, row: ServedModel) -> str:
        """Return whether it judges, and why not."""
        return judging(row)

    @admin.display(description="said")
    def heard(self, row: ServedModel) -> str:
        """Return how long ago the process said so."""
        return figures.whole(f"{figures.roughly(datetime.now(UTC) - row.seen_at)} ago")


def judging(row: ServedModel) -> str:
    """Return whether a process's model judges, and why not; a process that fell silent is not believed."""
    if datetime.now(UTC) - row.seen_at > SILENT_AFTER:
        return figures.joined([label("silent"), "the process ended or hangs"])
    if row.abstains:
        return figures.joined([label("abstains", "warning"), abstention_said(row.abstains)])
    return label("judges", "success")
