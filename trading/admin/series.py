"""What is counted and recorded over time: looks by reason, markets, volatility, ended executions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import display

from ops.admin import figures
from ops.admin.base import list_in
from ops.admin.columns import Column, column, light, result
from ops.admin.filters import RecentValues, recent
from ops.admin.panels import Table
from trading.admin.base import TradingAdmin
from trading.admin.executions import EXECUTION_COLOURS
from trading.models import EvaluationCount, ExecutionLog, MarketSnapshot, MarketVolatility, PriceBar
from trading.selectors.pages import MOST_COUNTED, looks_by_reason, newest_since

_REASONS = 12


class EndFilter(RecentValues):
    """What ended a look: the stage and the reason together, as their index has them."""

    title = "what ended it"
    parameter_name = "end"
    columns = ("stage", "reason")
    _JOINT = ":"

    def choices_of(self, rows: Iterable[tuple[str, ...]]) -> dict[str, str]:
        """Return the pairs with their words."""
        return {self._JOINT.join(row): " ".join(figures.words(part) for part in row) for row in rows}

    def narrowed(self, queryset: Any, value: str) -> Any:
        """Return the looks that ended so."""
        stage, _, reason = value.partition(self._JOINT)
        return queryset.filter(stage=stage, reason=reason)


@admin.register(EvaluationCount)
class EvaluationCountAdmin(TradingAdmin):
    """How often routes were looked at, and what ended the look."""

    icon = "filter_alt"
    place = 7
    list_before_template = "trading/reasons.html"
    list_display = (
        "hour_utc",
        "scope_label",
        column("route_key", "route"),
        column("stage", "ended at"),
        column("reason"),
        "looks",
    )
    list_filter = (*TradingAdmin.list_filter, EndFilter, recent("route_key", title="route"))
    newest_column = date_hierarchy = "hour"
    ordering = ("-hour", "-count")
    sortable_by = ("hour_utc",)
    seeks_routes = True
    search_help_text = "Words of a route"

    @admin.display(description="hour (UTC)", ordering="hour")
    def hour_utc(self, row: EvaluationCount) -> str:
        """Return the hour that was counted."""
        return f"{row.hour:%Y-%m-%d %H:%M}"

    @admin.display(description="looks", ordering="count")
    def looks(self, row: EvaluationCount) -> str:
        """Return how many looks ended so."""
        return f"{row.count:,}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the sum by reason above the list."""
        response: Any = super().changelist_view(request, extra_context)
        if listed := list_in(response):
            response.context_data["reasons"] = _by_reason(listed.queryset, self.newest_by(request))
        return response


def _by_reason(rows: Any, newest_by: str) -> Table:
    since = newest_since(rows, newest_by, most=MOST_COUNTED)
    counted = rows if since is None else rows.filter(**{f"{newest_by}__gte": since})
    totals = looks_by_reason(counted, most=_REASONS)
    lines = [(stage, figures.words(reason) or "paid", f"{total:,}") for stage, reason, total in totals]
    began = f" since {since:%Y-%m-%d %H:%M}" if isinstance(since, datetime) else ""
    note = (
        "" if since is None else f"The newest counts alone{began}; choose a day above the list to add up an older one."
    )
    headers = ("Stage", "Reason", "Looks")
    return Table("Looks by what ended them", headers, lines, note=note, nothing="Nothing was looked at.")


@admin.register(MarketSnapshot)
class MarketSnapshotAdmin(TradingAdmin):
    """The best prices of each market, from time to time."""

    icon = "photo_camera"
    list_display = (
        column("timestamp", "at (UTC)"),
        "scope_label",
        column("venue"),
        column("symbol"),
        column("bid"),
        column("ask"),
        "spread",
        column("bid_depth_usd", "bid depth"),
        column("ask_depth_usd", "ask depth"),
    )
    list_filter = (*TradingAdmin.list_filter, recent("venue"), recent("symbol"))
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)

    @admin.display(description="spread bps")
    def spread(self, row: MarketSnapshot) -> str:
        """Return the spread over the middle."""
        width = figures.SCREEN.multiply(row.ask - row.bid, 20_000)
        return figures.bps(figures.SCREEN.divide(width, row.ask + row.bid))


def percent(name: str, title: str) -> Column:
    """Return a column of a share, written as a percentage."""

    @display(description=title, ordering=name)
    def written(row: Any) -> str:
        return figures.share(getattr(row, name))

    written.__name__ = name
    return written


@admin.register(MarketVolatility)
class MarketVolatilityAdmin(TradingAdmin):
    """How much each market moved, annualised."""

    icon = "ssid_chart"
    list_display = (
        column("timestamp", "at (UTC)"),
        "scope_label",
        column("venue"),
        column("symbol"),
        percent("volatility_1h", "volatility 1 h"),
        percent("volatility_24h", "24 h"),
        percent("volatility_7d", "7 d"),
        percent("returns_1h", "return 1 h"),
        percent("returns_24h", "24 h"),
        percent("returns_7d", "7 d"),
        percent("known_24h", "minutes known 24 h"),
        "volume",
    )
    list_filter = (*TradingAdmin.list_filter, recent("venue"), recent("symbol"))
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)

    @admin.display(description="volume 24 h")
    def volume(self, row: MarketVolatility) -> str:
        """Return what was traded in base units, or that nobody tells."""
        return "not told" if row.volume_24h is None else f"{row.volume_24h:,.4f}"


@admin.register(PriceBar)
class PriceBarAdmin(TradingAdmin):
    """The minutes of each market: middle prices of the books seen, else the venue's own candles."""

    icon = "candlestick_chart"
    list_display = (
        column("timestamp", "minute (UTC)"),
        "scope_label",
        column("venue"),
        column("symbol"),
        column("open"),
        column("high"),
        column("low"),
        column("close"),
        column("volume"),
        column("source", "prices of"),
        column("written_at", "written at (UTC)"),
    )
    list_filter = (*TradingAdmin.list_filter, recent("venue"), recent("symbol"), recent("source"))
    newest_column = date_hierarchy = "written_at"
    sortable_by = ("written_at",)


@admin.register(ExecutionLog)
class ExecutionLogAdmin(TradingAdmin):
    """One line per ended execution."""

    icon = "list_alt"
    list_display = (
        column("timestamp", "ended at (UTC)"),
        "scope_label",
        column("execution_id", "execution"),
        light("state", EXECUTION_COLOURS),
        column("route_key", "route"),
        light("success", {"True": "success"}, words={"True": "yes", "False": "no"}),
        result("profit_usd", "profit"),
        column("fees_usd", "fees"),
        column("gas_cost_usd", "gas"),
        column("slippage_bps", "slippage bps"),
    )
    list_filter = (
        *TradingAdmin.list_filter,
        recent("state"),
        ("success", BooleanRadioFilter),
    )
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)
    sought = ("execution_id",)
    search_help_text = "Number of an execution"
