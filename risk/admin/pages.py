"""Risk's pages: history is read; switches, breakers and limits are changed through services, with a reason."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action
from unfold.enums import ActionVariant

from domain.breakers import BreakerKind
from domain.errors import Unreachable
from ops.admin.base import ReadOnlyAdmin
from ops.admin.columns import column, light, result
from ops.admin.operated import OperatedAdmin, ReasonForm, dialog
from risk.admin.forms import LimitForm
from risk.models import Breaker, BreakerEvent, EquityMark, Gate, Limit, LimitKind, Outcome, Reservation
from risk.services import Halted, halt, recover, reset, resume, set_limit

GATE_COLOURS = {"active": "success", "reducing": "warning", "halted": "danger", "unreconciled": "danger"}
BREAKER_COLOURS = {"closed": "success", "half_open": "warning", "open": "danger"}


@admin.register(Gate)
class GateAdmin(OperatedAdmin):
    """The switch of each scope, with the halt and its lifting."""

    icon = "traffic"
    list_display = (
        light("state", GATE_COLOURS),
        column("reason"),
        column("changed_at", "changed at (UTC)"),
        "actor",
        "scope_label",
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("state", ChoicesDropdownFilter))
    actions_list = ["halt_trading", "resume_trading"]

    @action(
        description="Halt everything",
        permissions=["operate"],
        icon="dangerous",
        variant=ActionVariant.DANGER,
        dialog=dialog("Halt everything", "Writes the stop file and halts every gate of this database.", "Halt"),
    )
    def halt_trading(self, request: HttpRequest, form: ReasonForm) -> HttpResponse:
        """Stop every opening order."""
        return self._switch(request, form, halt, "Halted.")

    @action(
        description="Resume",
        permissions=["operate"],
        icon="play_arrow",
        dialog=dialog("Resume trading", "Opens every gate of this database and removes the stop file.", "Resume"),
    )
    def resume_trading(self, request: HttpRequest, form: ReasonForm) -> HttpResponse:
        """Lift the halt."""
        return self._switch(request, form, resume, "Resumed.")

    def _switch(self, request: HttpRequest, form: ReasonForm, switch: Callable[..., Halted], done: str) -> HttpResponse:
        def deed() -> str:
            result = switch(
                reason=form.cleaned_data["reason"],
                actor=request.user.get_username(),
                now=timezone.now(),
                scopes=(settings.ARB.scope,),
            )
            failures = [text for text in (result.file_error, result.database_error) if text]
            if failures:
                raise Unreachable(f"Not all of it: {'; '.join(failures)}")
            return done

        return self.carry_out(request, deed)


@admin.register(Breaker)
class BreakerAdmin(OperatedAdmin):
    """The breakers' lights, and their recovery."""

    icon = "electrical_services"
    list_display = (
        column("kind"),
        light("state", BREAKER_COLOURS),
        column("reason"),
        column("opened_at", "opened at (UTC)"),
        column("cool_until", "cool until (UTC)"),
        "probes_left",
        "scope_label",
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("state", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter))
    ordering = ("mode", "run_id", "kind")
    actions_list = ["reset_all"]
    actions_row = ["recover_breaker"]
    actions_detail = ["recover_breaker"]

    @action(
        description="Recover",
        permissions=["operate"],
        icon="healing",
        dialog=dialog("Recover this breaker", "A few small trades decide whether it closes.", "Recover"),
    )
    def recover_breaker(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Let one tripped breaker take probes now."""
        breaker = self.acted_on(request, object_id)

        def deed() -> str:
            recover(
                BreakerKind(breaker.kind),
                scope=breaker.scope,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return f"{breaker.kind} is half open."

        return self.carry_out(request, deed)

    @action(
        description="Reset all",
        permissions=["operate"],
        icon="restart_alt",
        variant=ActionVariant.DANGER,
        dialog=dialog("Reset every breaker", "Closes every breaker of this process's scope without probes.", "Reset"),
    )
    def reset_all(self, request: HttpRequest, form: ReasonForm) -> HttpResponse:
        """Close every breaker of this process's scope."""

        def deed() -> str:
            closed = reset(
                scope=settings.ARB.scope,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return f"Closed: {', '.join(closed) or 'none was tripped'}."

        return self.carry_out(request, deed)


@admin.register(Limit)
class LimitAdmin(OperatedAdmin):
    """The limits, and their tightening."""

    icon = "speed"
    list_display = (column("kind"), column("value"), column("changed_at", "changed at (UTC)"), "actor", "scope_label")
    list_filter = (*ReadOnlyAdmin.list_filter, ("kind", ChoicesDropdownFilter))
    actions_row = ["change_limit"]
    actions_detail = ["change_limit"]

    @action(
        description="Change",
        permissions=["operate"],
        icon="tune",
        dialog=dialog("Change this limit", "Never above what the environment allows.", "Change", LimitForm),
    )
    def change_limit(self, request: HttpRequest, form: LimitForm, object_id: str) -> HttpResponse:
        """Set one limit."""
        limit = self.acted_on(request, object_id)

        def deed() -> str:
            set_limit(
                limit.scope,
                LimitKind(limit.kind),
                form.cleaned_data["value"],
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return f"{limit.kind} is {form.cleaned_data['value']}."

        return self.carry_out(request, deed)


@admin.register(BreakerEvent)
class BreakerEventAdmin(ReadOnlyAdmin):
    """Every change of every breaker."""

    icon = "history"
    list_display = (
        column("happened_at", "at (UTC)"),
        "scope_label",
        column("kind"),
        light("before", BREAKER_COLOURS),
        light("after", BREAKER_COLOURS),
        column("reason"),
        "actor",
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("kind", ChoicesDropdownFilter), ("after", ChoicesDropdownFilter))
    newest_column = date_hierarchy = "happened_at"


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """The room that is taken under the limits."""

    icon = "event_seat"
    list_display = (
        column("created_at", "created at (UTC)"),
        "scope_label",
        "symbol",
        column("notional_usd", "notional"),
        column("worst_loss_usd", "worst loss"),
        column("released_at", "released at (UTC)"),
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("released_at", admin.EmptyFieldListFilter))
    newest_column = "opportunity_id"


@admin.register(Outcome)
class OutcomeAdmin(ReadOnlyAdmin):
    """How each execution ended."""

    icon = "paid"
    list_display = (
        column("settled_at", "settled at (UTC)"),
        "scope_label",
        column("execution_id", "execution"),
        column("gross_usd", "gross"),
        column("fees_usd", "fees"),
        result("net_usd", "net"),
        column("executed"),
        column("probe"),
    )
    newest_column = date_hierarchy = "settled_at"
    sortable_by = ("settled_at",)


@admin.register(EquityMark)
class EquityMarkAdmin(ReadOnlyAdmin):
    """What each scope was worth."""

    icon = "show_chart"
    list_display = (column("timestamp", "at (UTC)"), "scope_label", column("equity_usd", "equity"))
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)
