"""The pages of ops, all of them to read: what happened is not edited."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from ops.admin_base import ReadOnlyAdmin
from ops.admin_filters import recent
from ops.models import Alert, Canary, OperatorAction, Outbox

LEVEL_COLOURS = {"info": "info", "warning": "warning", "error": "danger"}


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What a person was told."""

    icon = "notifications"
    list_display = ("created_at", "level_label", "title", "repeats", "delivery", "scope_label")
    list_filter = (*ReadOnlyAdmin.list_filter, ("level", ChoicesDropdownFilter), ("delivery", ChoicesDropdownFilter))
    search_fields = ("key", "title", "body")

    @display(description="level", ordering="level", label=LEVEL_COLOURS)
    def level_label(self, alert: Any) -> str:
        """Return the level, coloured."""
        return str(alert.level)


@admin.register(OperatorAction)
class OperatorActionAdmin(ReadOnlyAdmin):
    """What people did."""

    icon = "history_edu"
    list_display = ("at", "actor", "action", "subject", "reason", "scope_label")
    list_filter = (*ReadOnlyAdmin.list_filter, recent("action"), recent("actor"))
    search_fields = ("actor", "action", "subject", "reason")


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """What is on its way to the queues."""

    icon = "outbox"
    list_display = ("created_at", "kind", "row_id", "due_at", "dispatched_at", "attempts", "scope_label")
    list_filter = (*ReadOnlyAdmin.list_filter, ("dispatched_at", admin.EmptyFieldListFilter))


@admin.register(Canary)
class CanaryAdmin(ReadOnlyAdmin):
    """Which queues are consumed."""

    icon = "monitor_heart"
    list_display = ("queue", "consumed_at", "sent_at", "consumed", "scope_label")
    ordering = ("queue",)
