"""Backtest reports: what each backtest came to, and its page."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.http import HttpRequest

from domain.errors import BadInput
from ops.admin.columns import column, result
from ops.admin.panels import Page, Panel, Table
from ops.columns import MoneyField
from trading.admin.base import TradingAdmin, to
from trading.models import BacktestReport
from trading.services.backtest.figures import Report
from trading.services.backtest.page import page_of

_PARTS = ("executed_usd", "inventory_usd", "hold_usd", "change_usd")


@admin.register(BacktestReport)
class BacktestReportAdmin(TradingAdmin):
    """Every saved report."""

    icon = "summarize"
    place = 12
    spans_runs = True
    newest_column = "created_at"
    sortable_by = ("created_at",)
    list_display = (
        column("created_at", "made at (UTC)"),
        "scope_label",
        to("backtest", "run"),
        result("executed_usd", "executed"),
        result("inventory_usd", "inventory"),
        result("hold_usd", "hold"),
        result("change_usd", "equity"),
    )
    list_select_related = ("backtest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the reports with the parts of their result, which a list shows without the report."""
        parts = {name: Cast(KT(f"figures__{name}"), MoneyField()) for name in _PARTS}
        return super().get_queryset(request).annotate(**parts)

    def panels(self, row: Any) -> list[Panel]:
        """Return the report's own page; a report of an older form is told as one that cannot be read."""
        title = f"Backtest {row.run_id}"
        try:
            return [Page(title, page_of(Report.of_json(row.figures)))]
        except BadInput as error:
            return [Table(title, (), [], nothing=f"This report cannot be read, run the backtest again: {error}.")]
