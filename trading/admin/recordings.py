"""What was recorded, how much of each hour, and what each route offered: the ground of every verdict."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin

from ops.admin import figures, panels
from ops.admin.columns import column
from ops.admin.filters import recent
from ops.admin.panels import Facts, Panel, Table, label
from trading.admin.base import TradingAdmin
from trading.models import OfferedEdge, RecordedHour, Recording
from trading.selectors.pages import PAGES_SHOWN, newest_pages_of, recorded_bytes_of

_LATE_S = 60  # a page is written every two seconds


def state_of(recording: Recording) -> tuple[str, str]:
    """Return whether a recording runs, ended or was broken off, and the colour of that."""
    if recording.ended_at:
        return "ended", ""
    silent_s = (datetime.now(UTC) - recording.heartbeat_at).total_seconds()
    return ("running", "success") if silent_s < _LATE_S else ("broken off", "warning")


@admin.register(Recording)
class RecordingAdmin(TradingAdmin):
    """Every unbroken watch of the markets."""

    icon = "videocam"
    place = 9
    spans_runs = True
    newest_column = date_hierarchy = "started_at"
    sortable_by = ("started_at", "process", "updates", "lost")
    list_display = (
        column("started_at", "started at (UTC)"),
        "scope_label",
        column("process"),
        "state",
        "took",
        "seen_last",
        "books",
        "lost_books",
    )
    list_filter = (*TradingAdmin.list_filter, recent("process"))

    @admin.display(description="state")
    def state(self, row: Recording) -> str:
        """Return whether it runs."""
        return label(*state_of(row))

    @admin.display(description="length")
    def took(self, row: Recording) -> str:
        """Return how long it watched."""
        return figures.after(row.ended_at or row.heartbeat_at, row.started_at)

    @admin.display(description="last written")
    def seen_last(self, row: Recording) -> str:
        """Return how long ago it wrote last."""
        return f"{figures.lapse(datetime.now(UTC) - row.heartbeat_at)} ago"

    @admin.display(description="books", ordering="updates")
    def books(self, row: Recording) -> str:
        """Return how many books it holds."""
        return f"{row.updates:,}"

    @admin.display(description="lost", ordering="lost")
    def lost_books(self, row: Recording) -> str:
        """Return how many books were seen but never written."""
        return figures.coloured(f"{row.lost:,}", good=False) if row.lost else "0"

    def panels(self, row: Recording) -> list[Panel]:
        """Return the recording, its terms and its newest pages."""
        return [_recording(row), *panels.from_json("Decided with", row.terms), _pages(row)]


def _recording(row: Recording) -> Facts:
    size = recorded_bytes_of(row)
    return Facts(
        f"Recording {row.pk}",
        [
            ("state", label(*state_of(row))),
            ("process", row.process),
            ("started at (UTC)", figures.instant(row.started_at)),
            ("last written (UTC)", figures.instant(row.heartbeat_at)),
            ("length", figures.after(row.ended_at or row.heartbeat_at, row.started_at)),
            ("books", f"{row.updates:,}"),
            ("lost", f"{row.lost:,}"),
            ("pages", f"{row.pages:,}"),
            ("bytes per book", f"{size / row.updates:.0f}" if row.updates and size else figures.NOTHING),
        ],
    )


def _pages(row: Recording) -> Table:
    rows = [
        (f"{page.number:,}", figures.instant(page.first_at), figures.instant(page.last_at), f"{page.updates:,}")
        for page in newest_pages_of(row)
    ]
    note = f"The newest {PAGES_SHOWN} of {row.pages:,}." if row.pages > PAGES_SHOWN else ""
    headers = ("Page", "First book (UTC)", "Last book (UTC)", "Books")
    return Table("Pages", headers, rows, note=note, nothing="Nothing is written yet.", is_wide=False)


@admin.register(RecordedHour)
class RecordedHourAdmin(TradingAdmin):
    """How many books of each venue were recorded in each hour."""

    icon = "calendar_view_week"
    place = 10
    newest_column = date_hierarchy = "hour"
    sortable_by = ("hour_utc",)
    list_display = ("hour_utc", "scope_label", column("venue"), "books")
    list_filter = (*TradingAdmin.list_filter, recent("venue"))

    @admin.display(description="hour (UTC)", ordering="hour")
    def hour_utc(self, row: RecordedHour) -> str:
        """Return the hour that was counted."""
        return f"{row.hour:%Y-%m-%d %H:%M}"

    @admin.display(description="books", ordering="updates")
    def books(self, row: RecordedHour) -> str:
        """Return how many books came."""
        return f"{row.updates:,}"


@admin.register(OfferedEdge)
class OfferedEdgeAdmin(TradingAdmin):
    """How often each route offered each gross edge."""

    icon = "bar_chart"
    place = 11
    newest_column = date_hierarchy = "hour"
    ordering = ("-hour", "-route_key", "-tenth_bps")
    sortable_by = ("hour_utc",)
    list_display = ("hour_utc", "scope_label", column("route_key", "route"), "edge", "times")
    list_filter = (*TradingAdmin.list_filter, recent("route_key", title="route"))
    seeks_routes = True
    search_help_text = "Words of a route"

    @admin.display(description="hour (UTC)", ordering="hour")
    def hour_utc(self, row: OfferedEdge) -> str:
        """Return the hour that was counted."""
        return f"{row.hour:%Y-%m-%d %H:%M}"

    @admin.display(description="gross bps, from", ordering="tenth_bps")
    def edge(self, row: OfferedEdge) -> str:
        """Return the edge, of which a tenth of a basis point is the grain."""
        return f"{row.tenth_bps / 10:.1f}"

    @admin.display(description="times", ordering="count")
    def times(self, row: Any) -> str:
        """Return how often it was offered."""
        return f"{row.count:,}"
