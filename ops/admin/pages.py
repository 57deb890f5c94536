"""The pages of ops, all of them to read: what happened is not edited."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ops.admin.base import ReadOnlyAdmin
from ops.admin.columns import column, light
from ops.admin.filters import recent
from ops.models import Alert, Canary, OperatorAction, Outbox

LEVEL_COLOURS = {"info": "info", "warning": "warning", "error": "danger"}


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What a person was told."""

    icon = "notifications"
    list_display = (
        column("created_at", "created at (UTC)"),
        "scope_label",
        light("level", LEVEL_COLOURS),
        "title",
        "repeats",
        column("delivery"),
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("level", ChoicesDropdownFilter), ("delivery", ChoicesDropdownFilter))
    search_fields = ("key", "title", "body")


@admin.register(OperatorAction)
class OperatorActionAdmin(ReadOnlyAdmin):
    """What people did."""

    icon = "history_edu"
    list_display = (column("at", "at (UTC)"), "scope_label", "actor", "action", "subject", column("reason"))
    list_filter = (*ReadOnlyAdmin.list_filter, recent("action"), recent("actor"))
    search_fields = ("actor", "action", "subject", "reason")


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """What is on its way to the queues."""

    icon = "outbox"
    list_display = (
        column("created_at", "created at (UTC)"),
        "scope_label",
        column("kind"),
        column("row_id", "row"),
        column("due_at", "due at (UTC)"),
        column("dispatched_at", "dispatched at (UTC)"),
        "attempts",
    )
    list_filter = (*ReadOnlyAdmin.list_filter, ("dispatched_at", admin.EmptyFieldListFilter))


@admin.register(Canary)
class CanaryAdmin(ReadOnlyAdmin):
    """Which queues are consumed."""

    icon = "monitor_heart"
    list_display = (
        "queue",
        "scope_label",
        column("sent_at", "sent at (UTC)"),
        column("consumed_at", "consumed at (UTC)"),
        "consumed",
    )
    ordering = ("queue",)
