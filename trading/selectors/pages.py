"""Reads that the pages share; each is bounded, and finds a series' row by its time as well."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from trading.models import EdgeObservation, EvaluationCount, Execution, LedgerEntry, Opportunity, Run

NEWEST_ROWS = 2_000
NEWEST_RUNS = 50


def opportunity_of(execution: Execution) -> Opportunity | None:
    """Return what an execution tried to trade; None where the series was thinned out."""
    return Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at).first()


def execution_of(opportunity: Opportunity) -> Execution | None:
    """Return the attempt to trade an opportunity; None where it was refused."""
    return Execution.objects.in_scope(opportunity.scope).filter(opportunity_id=opportunity.pk).first()


def edges_of(opportunity: Opportunity) -> list[EdgeObservation]:
    """Return what was left of the edge later, in order."""
    looks = EdgeObservation.objects.in_scope(opportunity.scope).filter(opportunity_id=opportunity.pk)
    return list(looks.filter(timestamp__gte=opportunity.timestamp).order_by("offset_ms"))


def account_sums(execution: Execution) -> list[tuple[str, str, Decimal]]:
    """Return what each account gained or gave of each asset."""
    lines = LedgerEntry.objects.filter(execution=execution).order_by("account", "asset")
    return list(lines.values_list("account", "asset").annotate(Sum("amount")))


def looks_by_reason(counts: QuerySet[EvaluationCount], *, most: int) -> list[tuple[str, str, int]]:
    """Return stage, reason and number of looks, the commonest first."""
    totals = counts.order_by().values_list("stage", "reason").annotate(total=Sum("count"))
    return list(totals.order_by("-total", "stage", "reason")[:most])


def newest_values(rows: QuerySet[Any], columns: Iterable[str]) -> set[str]:
    """Return the values that the newest rows have in any of ``columns``."""
    newest = rows.order_by("-pk").values_list(*columns)[:NEWEST_ROWS]
    return {value for row in newest for value in row if value}


def newest_runs_of(mode: str | None) -> list[Run]:
    """Return the newest runs of a mode, or of all, without what they were made of."""
    runs = Run.objects.all() if mode is None else Run.objects.filter(mode=mode)
    return list(runs.order_by("-pk").only("mode", "run_id", "command")[:NEWEST_RUNS])
