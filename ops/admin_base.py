"""The bases of every admin page: rows that nobody edits, marked with their mode and run."""

from typing import Any

from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

MODE_COLOURS = {"sim": "info", "dry_run": "success", "live": "danger", "replay": "primary"}


class ScopedAdmin(ModelAdmin):
    """Lists scoped rows, newest first, with their mode as a coloured label; put ``scope_label`` in list_display."""

    list_filter: Any = ("mode", "run_id")
    ordering: Any = ("-id",)
    list_per_page = 50
    list_filter_submit = False
    compressed_fields = True
    show_full_result_count = False  # counting a series takes longer than showing it

    @display(description="mode", ordering="mode", label=MODE_COLOURS)
    def scope_label(self, row: Any) -> tuple[str, str]:
        """Return the mode, with its run where runs are told apart."""
        return row.mode, str(row.scope)


class ReadOnlyAdmin(ScopedAdmin):
    """History: shown, never added, changed or deleted here."""

    actions = None

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False
