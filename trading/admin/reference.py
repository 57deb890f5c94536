"""What venues and chains state: markets, fees, tokens, version by version."""

import re
from typing import Any

from django.contrib import admin
from unfold.decorators import display

from ops.admin.columns import column
from ops.admin.filters import recent
from trading.admin.base import TradingAdmin
from trading.models import ReferenceFact

_ADDRESS = re.compile(r"(0x[0-9a-fA-F]{4})[0-9a-fA-F]{32}([0-9a-fA-F]{4})")
_SHOWN = 4  # of the stated values, in the list


@admin.register(ReferenceFact)
class ReferenceFactAdmin(TradingAdmin):
    """One version of what a source stated of a subject; a change is a new one."""

    icon = "menu_book"
    listed_documents = ("stated",)
    list_display = (
        column("valid_from", "since (UTC)"),
        "scope_label",
        column("kind"),
        "subject_shortly",
        column("version"),
        "stated_shortly",
        column("source"),
        column("confirmed_at", "confirmed (UTC)"),
        column("valid_until", "until (UTC)"),
    )
    list_filter = (*TradingAdmin.list_filter, recent("kind"))
    newest_column = date_hierarchy = "valid_from"
    sortable_by = ("valid_from",)
    sought = ("subject",)
    search_help_text = "A subject, as kraken:BTC/USD or kraken"

    @display(description="subject")
    def subject_shortly(self, row: Any) -> str:
        """Return the subject, an address by its ends."""
        return _shortly(row.subject)

    @display(description="stated")
    def stated_shortly(self, row: Any) -> str:
        """Return the first values that were stated."""
        told = [f"{name.replace('_', ' ')} {_shortly(str(value))}" for name, value in row.stated.items()]
        return ", ".join(told[:_SHOWN]) + (" …" if len(told) > _SHOWN else "")


def _shortly(text: str) -> str:
    return _ADDRESS.sub(r"\1…\2", text)
