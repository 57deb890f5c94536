"""Runs and balances: what a replay or demonstration was made of, and what each account holds."""

from decimal import Decimal

from django.contrib import admin

from ops.admin import figures, panels
from ops.admin.columns import column, result
from ops.admin.filters import recent
from ops.admin.panels import Panel
from trading.admin.base import TradingAdmin
from trading.models import Balance, Run


@admin.register(Run)
class RunAdmin(TradingAdmin):
    """Every replay, simulation and collection."""

    icon = "replay"
    place = 8
    list_display = (
        column("started_at", "started at (UTC)"),
        "scope_label",
        column("command"),
        column("seed"),
        "took",
        "came_to",
        "short_digest",
    )
    list_filter = (*TradingAdmin.list_filter, recent("command"))
    spans_runs = True
    newest_column = "started_at"
    listed_documents = ("summary",)
    sortable_by = ("started_at", "command", "seed")
    sought = ("run_id", "digest")
    search_help_text = "Run id or digest"

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        """Return how long the run took."""
        return figures.after(run.ended_at, run.started_at)

    @admin.display(description="result")
    def came_to(self, run: Run) -> str:
        """Return the run's own totals, if it wrote any."""
        total = run.summary.get("total")
        if total:
            net = figures.usd(Decimal(str(total["pnl_usd"])))
            return f"{total['opportunities']} opportunities, {total['executions']} executions, {net}"
        return str(run.summary.get("state", figures.NOTHING))

    @admin.display(description="digest", ordering="digest")
    def short_digest(self, run: Run) -> str:
        """Return the beginning of the digest, enough to tell two apart."""
        return run.digest[:12] or figures.NOTHING

    def panels(self, row: Run) -> list[Panel]:
        """Return the run's settings and its result."""
        return [
            panels.facts_of(row, f"{row.command} {row.run_id}"),
            *panels.from_json("Settings", row.settings),
            *panels.from_json("Summary", row.summary),
        ]


@admin.register(Balance)
class BalanceAdmin(TradingAdmin):
    """What each account holds; on paper it starts at zero and may go below."""

    icon = "account_balance"
    place = 6
    list_display = (column("venue"), "scope_label", "asset", result("amount"))
    list_filter = (*TradingAdmin.list_filter, recent("venue"), recent("asset"))
    ordering = ("venue", "asset")
    sortable_by = ("venue", "asset", "amount")
