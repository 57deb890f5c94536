"""Reconciliations: what differed when our rows were compared."""

from django.contrib import admin

from ops.admin.columns import column
from trading.admin.base import TradingAdmin
from trading.models import Reconciliation


@admin.register(Reconciliation)
class ReconciliationAdmin(TradingAdmin):
    """Every comparison of orders, fills, ledger and balances; the details tell each difference."""

    icon = "balance"
    list_display = (
        column("timestamp", "at (UTC)"),
        "scope_label",
        column("differences"),
    )
    newest_column = date_hierarchy = "timestamp"
    sortable_by = ("timestamp",)
