"""A replay from its source to its result: open a run, live through it, sum it up, close it; or go on with one."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from domain.detection import DetectConfig
from domain.errors import Refused, Unreachable
from domain.inventory import UNLIMITED, Holdings
from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from mlops.services import load_scorer
from trading.marketdata.clock import VirtualClock
from trading.models import Run
from trading.services.execution.step import Venues
from trading.services.replay import checkpoint, runs
from trading.services.replay.digest import digest_of
from trading.services.replay.driver import CHUNK_S, Driver, Parts, Progress
from trading.services.replay.options import ReplayOptions
from trading.services.replay.pace import Pace
from trading.services.replay.source import Source, open_source
from trading.services.replay.summary import Summary, summarise
from trading.services.replay.timeline import Opening, Timeline
from trading.services.replay.watcher import Watcher
from trading.services.venues import trading_venues

COMMAND = "replay"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came out of one run, and everything it was made of."""

    run_id: str
    digest: str
    seed: int
    assumptions: dict[str, Any]
    summary: Summary

    def as_json(self) -> dict[str, Any]:
        """Return the result ready for JSON."""
        told = {"run": self.run_id, "mode": Mode.REPLAY.value, "digest": self.digest, "seed": self.seed}
        return told | self.summary.as_json() | {"assumptions": self.assumptions}


def untold(done: int, total: int) -> None:
    """Tell nobody how far a replay has come."""


def nothing() -> None:
    """Do nothing at the beginning of a run."""


def untouched(result: ReplayResult) -> None:
    """Do nothing at the end of a run."""


def unwrapped(timeline: Timeline) -> Timeline:
    """Return the timeline as it is."""
    return timeline


@dataclass(frozen=True, slots=True)
class _Equipment:
    """What the caller gives a run to live through its timeline with."""

    watchers: Sequence[Watcher]
    holdings: Holdings
    wrap: Callable[[Timeline], Timeline]
    chunk_s: float
    progress: Progress
    conclude: Callable[[ReplayResult], None]


def new_scope() -> Scope:
    """Return the scope of a run that does not exist yet."""
    return Scope(Mode.REPLAY, f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}")


def replay(
    source: Source | Sequence[Path],
    options: ReplayOptions | None = None,
    *,
    progress: Progress = untold,
    scope: Scope | None = None,
    command: str = COMMAND,
    begin: Callable[[], None] = nothing,
    conclude: Callable[[ReplayResult], None] = untouched,
    watchers: Sequence[Watcher] = (),
    holdings: Holdings = UNLIMITED,
    wrap: Callable[[Timeline], Timeline] = unwrapped,
    also: Mapping[str, Any] | None = None,
    chunk_s: float = CHUNK_S,
) -> ReplayResult:
    """Replay a source, or files, under a run id of its own; all is read and checked before the first row is written.

    ``begin`` is called in the transaction that writes the run, ``conclude`` in the one that ends it, ``also`` is kept
    beside its assumptions.
    Raises: MalformedFileError, MalformedPageError for what is held, BadInput for what was asked, Unreachable where a
    database is not there or goes away.
    """
    opened = open_source(source, options or ReplayOptions()) if isinstance(source, Sequence) else source
    equipment = _Equipment(watchers, holdings, wrap, chunk_s, progress, conclude)
    scope = scope or new_scope()
    with runs.held(scope):
        with transaction.atomic():
            run = _create(scope, opened, command, also or {})
            begin()
        return _go_through(run, opened, equipment)


def resume(
    run_id: str,
    *,
    progress: Progress = untold,
    command: str = COMMAND,
    conclude: Callable[[ReplayResult], None] = untouched,
    watchers: Sequence[Watcher] = (),
    holdings: Holdings = UNLIMITED,
    wrap: Callable[[Timeline], Timeline] = unwrapped,
    chunk_s: float = CHUNK_S,
) -> ReplayResult:
    """Go on with a run that was broken off, to the result that it would have had.

    Raises: BadInput for a run that is not there, complete, or whose data or settings have changed since; Refused for
    one that is under way, or that another command began.
    """
    run = runs.run_named(run_id)
    if run.command != command:
        raise Refused(f"run {run_id} is a {run.command}: say {run.command} --resume {run_id}")
    with runs.held(run.scope):
        opened = checkpoint.reopened(run)
        return _go_through(run, opened, _Equipment(watchers, holdings, wrap, chunk_s, progress, conclude))


def _create(scope: Scope, source: Source, command: str, also: Mapping[str, Any]) -> Run:
    run: Run = Run.objects.create(
        **scope.columns,
        command=command,
        seed=source.options.seed,
        settings={**source.assumptions, **also},
        started_at=datetime.now(UTC),
        summary={"state": runs.UNDER_WAY},
        checkpoint=checkpoint.of_the_beginning(source),
    )
    return run


def _go_through(run: Run, source: Source, equipment: _Equipment) -> ReplayResult:
    try:
        return _live_through(run, source, equipment)
    except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
        runs.note_broken_off(run, error)
        raise Unreachable(f"the database went away: --resume {run.run_id} goes on with the run") from error
    except BaseException as error:  # whatever ends it early, Ctrl-C included, is noted before it goes on
        runs.note_broken_off(run, error)
        raise


def _live_through(run: Run, source: Source, equipment: _Equipment) -> ReplayResult:
    clock, scope, timeline = VirtualClock(), run.scope, equipment.wrap(source.timeline)
    parts = Parts(
        scope=scope,
        clock=clock,
        score=load_scorer(scope, now_ns=clock.now_ns),
        venues=partial(_venues, scope, clock),
        assume=_assume,
        keep=partial(checkpoint.keep, run),
        holdings=equipment.holdings,
        watchers=equipment.watchers,
        pace=Pace(source.options.speed),
        chunk_s=equipment.chunk_s,
    )
    driver = Driver(timeline, parts, checkpoint=checkpoint.state_of(run))
    with _past_settings(scope), _relaxed_disk():
        return driver.run(equipment.progress, end=partial(_close, run, source, clock, equipment.conclude))


def _venues(scope: Scope, clock: VirtualClock, config: DetectConfig) -> Venues:
    return trading_venues(scope, fees=config.fees, gas=config.gas, clock=clock)


def _close(run: Run, source: Source, clock: VirtualClock, conclude: Callable[[ReplayResult], None]) -> ReplayResult:
    summary = summarise(run.scope, source.timeline.days)
    result = ReplayResult(run.run_id, digest_of(run.scope), source.options.seed, run.settings, summary)
    Run.objects.filter(pk=run.pk).update(
        ended_at=datetime.now(UTC),
        last_instant=from_ns(clock.now_ns()),
        digest=result.digest,
        summary={"state": runs.COMPLETE, **summary.as_json()},
        checkpoint={},
    )
    conclude(result)
    return result


def _assume(opening: Opening) -> None:
    """Let this process's settings say the delay, the rates and the limits of age of an opening."""
    ours, config = settings.ARB, opening.config
    trading = replace(
        ours.trading,
        paper_delay_ms=opening.delay_ms,
        quote_usd={**ours.trading.quote_usd, **config.quote_usd},
        max_book_age_ms=config.max_age_ms,
        max_skew_ms=config.max_skew_ms,
    )
    settings.ARB = replace(ours, trading=trading)


@contextmanager
def _past_settings(scope: Scope) -> Iterator[None]:
    """Let this process's settings be the run's for a while; a halt of the running system does not reach the past."""
    ours = settings.ARB
    settings.ARB = replace(ours, scope=scope, stop_file=ours.stop_file.with_name(f"STOP-{scope.run_id}"))
    try:
        yield
    finally:
        settings.ARB = ours


@contextmanager
def _relaxed_disk() -> Iterator[None]:
    """Commit without waiting for the disk: a crash of the server may cost a run's last chunks, never its order."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET synchronous_commit")
