"""Hours and days as the database sums them up."""

from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import F, QuerySet
from django.http import HttpRequest

from ops.admin.columns import column, result
from ops.admin.filters import in_chosen_scope, recent
from ops.series import is_continuous
from trading.admin.base import TradingAdmin
from trading.admin.series import percent
from trading.models import DailyProfitability, HourlyPerformance, Opportunity


class AggregateAdmin(TradingAdmin):
    """An aggregate: filters and dates ask the opportunities, which have indexes where the aggregate is a plain view."""

    def rows_at_first(self, request: HttpRequest) -> QuerySet[Any]:
        """Return what filters and dates are read from, in no order."""
        if is_continuous(connection, self.model._meta.db_table):
            return super().rows_at_first(request)
        rows = Opportunity.objects.order_by().annotate(**{self.newest_column: F("timestamp")})
        return in_chosen_scope(request, rows)


@admin.register(HourlyPerformance)
class HourlyPerformanceAdmin(AggregateAdmin):
    """What each hour brought of each symbol."""

    icon = "hourglass"
    list_display = (
        column("hour", "hour (UTC)", "%Y-%m-%d %H:%M"),
        "scope_label",
        column("symbol"),
        column("opportunities"),
        column("executed"),
        column("profitable"),
        percent("win_rate", "win rate"),
        column("avg_edge_bps", "edge bps"),
        column("avg_gross_edge_bps", "gross bps"),
        column("notional_usd", "traded"),
        result("profit_usd", "profit"),
    )
    list_filter = (*TradingAdmin.list_filter, recent("symbol"))
    newest_column = date_hierarchy = "hour"
    sortable_by = ("hour",)


@admin.register(DailyProfitability)
class DailyProfitabilityAdmin(AggregateAdmin):
    """What each day brought."""

    icon = "calendar_month"
    list_display = (
        column("day", "day (UTC)", "%Y-%m-%d"),
        "scope_label",
        column("opportunities"),
        column("executed"),
        column("profitable"),
        percent("win_rate", "win rate"),
        column("avg_edge_bps", "edge bps"),
        result("profit_usd", "profit"),
    )
    newest_column = date_hierarchy = "day"
    holds_days = True
    sortable_by = ("day",)
