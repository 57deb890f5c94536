"""A collection from its start to what it came to: until it is stopped, or one look at every market."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection
from django.db.models import Count

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.models import Execution, Opportunity
from trading.services.collect.collection import Collection, Teller
from trading.services.collect.figures import Figures
from trading.services.collect.route_looks import RouteLook, looks_of
from trading.services.recording.coverage import coverage
from trading.services.stream.run import until_stopped
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

FINISH_WITHIN_S = 30.0  # for what is queued at the end; what no database takes by then is told as lost
COVERED = timedelta(hours=23)  # before this hour: 24 in all


def collect(scope: Scope, *, clock: Clock, teller: Teller, duration_s: float | None = None) -> Figures:
    """Collect until stopped, or for ``duration_s``; finish what is queued, and return what it came to.

    Raises: BadInput; Refused if another process watches the markets for this scope; Unreachable.
    """
    with _writer() as writer:
        collection = Collection(scope, clock=clock, writer=writer, teller=teller)
        asyncio.run(until_stopped(collection.run(duration_s)))
    return _with_rows(collection.figures(), scope, clock)


def look_once(scope: Scope, *, clock: Clock, teller: Teller) -> tuple[Figures, list[RouteLook]]:
    """Ask every venue once for the books of its markets, decide and record them; nothing is traded.

    Raises: as ``collect``.
    """
    with _writer() as writer:
        collection = Collection(scope, clock=clock, writer=writer, teller=teller, trades=False)
        asyncio.run(until_stopped(collection.once()))
    return _with_rows(collection.figures(), scope, clock), [] if collection.session is None else looks_of(
        collection.session
    )


@contextmanager
def _writer() -> Iterator[Writer]:
    writer = Writer()
    writer.start()
    try:
        yield writer
    finally:
        writer.stop(timeout_s=FINISH_WITHIN_S)


def _with_rows(figures: Figures, scope: Scope, clock: Clock) -> Figures:
    """Add what only the rows know, once everything is written."""
    now = from_ns(clock.now_ns())
    connection.close()  # it may have broken while this thread asked for nothing
    try:
        found = Opportunity.objects.in_scope(scope).filter(timestamp__gte=figures.started_at).count()
        states = Execution.objects.in_scope(scope).filter(decided_at__gte=figures.started_at).order_by()
        return replace(
            figures,
            opportunities=found,
            executions=dict(states.values_list("state").annotate(count=Count("id"))),
            coverage=coverage(scope, now - COVERED, now),
        )
    except DatabaseError as error:
        log.warning("rows_not_counted", error=str(error).strip())
        return figures
