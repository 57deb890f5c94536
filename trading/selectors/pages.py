"""Reads that the pages share; each is bounded, and finds a series' row by its time as well."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet, Sum
from django.db.models.functions import Length

from domain.scope import Mode
from ops.distinct import distinct_values
from trading.models import (
    EdgeObservation,
    EvaluationCount,
    Execution,
    LedgerEntry,
    Opportunity,
    RecordedPage,
    Recording,
    Run,
)

NEWEST_RUNS = 50
MOST_ROUTES = 50_000
PAGES_SHOWN = 20
MOST_COUNTED = 20_000  # rows that a page adds up where no shorter time bounds them


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


def looks_by_reason(counts: QuerySet[EvaluationCount], *, most: int | None = None) -> list[tuple[str, str, int]]:
    """Return stage, reason and number of looks, the commonest first."""
    totals = counts.order_by().values_list("stage", "reason").annotate(total=Sum("count"))
    return list(totals.order_by("-total", "stage", "reason")[:most])


def newest_since(rows: QuerySet[Any], column: str, *, most: int) -> Any:
    """Return where in ``column`` the newest ``most`` rows begin, to add up those from there on; None if all do."""
    return rows.order_by(f"-{column}").values_list(column, flat=True)[most - 1 : most].first()


def routes_of(model: type[Model], *, mode: str | None, run_id: str | None, words: Sequence[str]) -> list[str]:
    """Return the routes that a table with an index over them holds and whose key has every word."""
    modes = [mode] if mode else [known.value for known in Mode]
    found = set()
    for one in modes:
        runs = distinct_values(model, "run_id", where={"mode": one}, most=NEWEST_RUNS, descending=True)
        for run in runs if run_id is None else [run_id]:
            where = {"mode": one, "run_id": run}
            found |= set(distinct_values(model, "route_key", where=where, most=MOST_ROUTES, containing=tuple(words)))
    return sorted(found)


def newest_runs_of(mode: str | None) -> list[Run]:
    """Return the newest runs of a mode, or of all, without what they were made of."""
    runs = Run.objects.all() if mode is None else Run.objects.filter(mode=mode)
    return list(runs.order_by("-pk").only("mode", "run_id", "command")[:NEWEST_RUNS])


def newest_pages_of(recording: Recording) -> list[RecordedPage]:
    """Return a recording's newest pages, without what they hold."""
    pages = RecordedPage.objects.filter(recording=recording).defer("payload")
    return list(pages.order_by("-number")[:PAGES_SHOWN])


def recorded_bytes_of(recording: Recording) -> int:
    """Return about how many bytes a recording takes: the mean of its newest pages, for all of them."""
    newest = RecordedPage.objects.filter(recording=recording).order_by("-number")
    sizes = list(newest.values_list(Length("payload"), flat=True)[:PAGES_SHOWN])
    return sum(sizes) * recording.pages // len(sizes) if sizes else 0
