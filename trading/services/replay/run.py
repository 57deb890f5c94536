"""A replay from its files to its result: read everything, open a run, live through it, sum it up, close the run."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from domain.scope import Mode, Scope
from domain.timestamps import NS_PER_S, from_ns
from mlops.services import load_scorer
from trading.models import Run
from trading.services.candles import MINUTE_S
from trading.services.replay.digest import digest_of
from trading.services.replay.driver import Driver, Parts, Progress, VirtualClock
from trading.services.replay.options import ReplayOptions
from trading.services.replay.recordings import Recording, open_recording
from trading.services.replay.summary import Summary, summarise
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


def replay(
    files: Sequence[Path], options: ReplayOptions, *, progress: Progress = lambda done, total: None
) -> ReplayResult:
    """Replay recorded files under a new run id, all of them read and checked before the first row is written.

    Raises: MalformedFileError for what a file holds, BadInput for what was asked.
    """
    recording = open_recording(files, options)
    scope = Scope(Mode.REPLAY, _new_run_id())
    run = Run.objects.create(
        **scope.columns,
        command=COMMAND,
        seed=options.seed,
        settings=recording.assumptions,
        started_at=datetime.now(UTC),
        summary={"state": "under way"},
    )
    try:
        clock = _live_through(recording, scope, progress)
    except BaseException as error:  # whatever ends it early, Ctrl-C included, is noted before it goes on
        Run.objects.filter(pk=run.pk).update(summary={"state": "broken off", "error": repr(error)[:500]})
        raise
    return _close(run, recording, clock)


def _live_through(recording: Recording, scope: Scope, progress: Progress) -> VirtualClock:
    clock = VirtualClock()
    parts = Parts(
        scope=scope,
        clock=clock,
        config=recording.config,
        score=load_scorer(scope),
        venues=trading_venues(scope, fees=recording.config.fees, clock=clock),
        linger_ns=MINUTE_S * NS_PER_S,
    )
    with _as_assumed(recording.options, scope), _relaxed_disk():
        Driver(recording.timeline, parts).run(progress)
    return clock


def _close(run: Run, recording: Recording, clock: VirtualClock) -> ReplayResult:
    summary = summarise(run.scope, recording.timeline.days)
    result = ReplayResult(run.run_id, digest_of(run.scope), recording.options.seed, recording.assumptions, summary)
    Run.objects.filter(pk=run.pk).update(
        ended_at=datetime.now(UTC),
        last_instant=from_ns(clock.now_ns()),
        digest=result.digest,
        summary={"state": "complete", **summary.as_json()},
    )
    return result


@contextmanager
def _as_assumed(options: ReplayOptions, scope: Scope) -> Iterator[None]:
    """Let this process's settings say what the run assumes; a halt of the running system does not reach the past."""
    ours = settings.ARB
    settings.ARB = replace(
        ours,
        scope=scope,
        stop_file=ours.stop_file.with_name(f"STOP-{scope.run_id}"),
        trading=replace(ours.trading, paper_delay_ms=options.latency_ms),
    )
    try:
        yield
    finally:
        settings.ARB = ours


@contextmanager
def _relaxed_disk() -> Iterator[None]:
    """Commit without waiting for the disk: a crash of the server may cost a run's last moments, never its order."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
