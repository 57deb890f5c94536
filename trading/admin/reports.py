"""Backtest reports: what each backtest found, figure by figure."""

from typing import Any

from django.contrib import admin

from trading.admin import panels
from trading.admin.base import TradingAdmin, column, to
from trading.admin.panels import Facts, Panel
from trading.models import BacktestReport


@admin.register(BacktestReport)
class BacktestReportAdmin(TradingAdmin):
    """Every saved report."""

    icon = "summarize"
    place = 12
    spans_runs = True
    newest_column = "created_at"
    sortable_by = ("created_at",)
    list_display = (column("created_at", "made at (UTC)"), "scope_label", to("backtest", "run"))
    list_select_related = ("backtest",)

    def panels(self, row: Any) -> list[Panel]:
        """Return the report as tables, and the way to its run."""
        head = Facts(f"Backtest {row.run_id}", [("run", panels.link(row.backtest))])
        return [head, *panels.from_json("Report", row.figures)]
