"""Backtest reports: what each backtest came to, and its page."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest
from unfold.decorators import display

from trading.admin.base import Column, TradingAdmin, column, to
from trading.admin.panels import Page, Panel, gain
from trading.models import BacktestReport
from trading.services.backtest import Report
from trading.services.backtest.page import page_of

_PARTS = ("executed_usd", "inventory_usd", "hold_usd", "change_usd")


def part(name: str, title: str) -> Column:
    """Return a column of what one part of the result came to."""

    @display(description=title)
    def written(row: Any) -> str:
        return gain(name, Decimal(getattr(row, name)))

    written.__name__ = name
    return written


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
        part("executed_usd", "executed"),
        part("inventory_usd", "inventory"),
        part("hold_usd", "hold"),
        part("change_usd", "equity"),
    )
    list_select_related = ("backtest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the reports with the parts of their result, which a list shows without the report."""
        return super().get_queryset(request).annotate(**{name: KT(f"figures__{name}") for name in _PARTS})

    def panels(self, row: Any) -> list[Panel]:
        """Return the report's own page."""
        return [Page(f"Backtest {row.run_id}", page_of(Report.of_json(row.figures)))]
