"""One demo from its first process to its last: start, watch, wind down, stop, sum up."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from arbsite.demo.audit import audit
from arbsite.demo.fleet import Fleet
from arbsite.demo.gathering import Gatherer, Progress
from arbsite.demo.journal import Journal
from arbsite.demo.learning import learning_of
from arbsite.demo.logs import LogReader
from arbsite.demo.plan import Plan
from arbsite.demo.pool import PoolWatch
from arbsite.demo.screens import Screen
from arbsite.demo.snapshot import Snapshot
from arbsite.demo.summary import Ending
from arbsite.embedded import Lease
from arbsite.metrics.targets import listed, targets_file
from domain.scope import Scope
from risk.services import wind_down
from trading.models import Run

TICK_S = 0.5
WIND_DOWN_S = 8.0
_STORE_S = 5.0
_Answer = TypeVar("_Answer")


class Show:
    """Runs a plan on a screen; ``stop`` may be called from anywhere."""

    def __init__(self, plan: Plan, screen: Screen, *, redis_url: str, lease: Lease | None) -> None:
        self._plan = plan
        self._screen = screen
        self._journal = Journal()
        self._stopping = threading.Event()
        self._began_s = time.monotonic()
        self.started_at = datetime.now(UTC)
        self._logs = LogReader(plan.log_dir, self._journal)
        self._gatherer = Gatherer(plan, self._journal, redis_url=redis_url, started_at=self.started_at)
        waves = plan.waves()
        self._processes = [process for wave in waves for process in wave]
        self._fleet = Fleet(
            waves,
            cwd=plan.checkout,
            log_dir=plan.log_dir,
            on_event=self._journal.on_process,
            lease=lease,
        )
        self._pool = PoolWatch("worker-execution", self._journal)
        self.interrupted_by: str | None = None

    def interrupt(self, signal_name: str) -> None:
        """End the show at the next tick."""
        self.interrupted_by = self.interrupted_by or signal_name
        self._stopping.set()

    def run(self) -> Ending:
        """Run to the end and return how it went; no process of it is left."""
        self._store_run()
        with self._screen:
            with self._supervised():
                self._watch()
                last = self._wind_down()
            self._screen.show(last)
        return self._ending(last)

    @contextmanager
    def _supervised(self) -> Iterator[None]:
        self._began_s, self.started_at = time.monotonic(), datetime.now(UTC)
        self._gatherer.started_at = self.started_at
        try:
            self._fleet.start()
            with listed(self._processes, targets_file(settings.ARB.state_dir), scope=self._plan.scope):
                yield
        finally:
            self._journal.stopping(datetime.now(UTC))
            self._fleet.stop()

    def _watch(self) -> None:
        while not self._stopping.is_set() and not self._is_over():
            snapshot = self._look("running" if self._fleet.is_complete else "starting")
            self._fleet.advance(is_at_work=bool(snapshot.venues))
            self._stopping.wait(TICK_S)

    def _wind_down(self) -> Snapshot:
        """Let nothing new open, and give what is under way some seconds to end."""
        closes_at_s = time.monotonic() + WIND_DOWN_S
        is_told = self._close_gate()
        snapshot = self._look("winding down")
        while time.monotonic() < closes_at_s and (not is_told or snapshot.trading.results.under_way):
            time.sleep(TICK_S)
            is_told = is_told or self._close_gate()
            snapshot = self._look("winding down")
        return snapshot

    def _close_gate(self) -> bool:
        try:
            wind_down(self._plan.scope, reason="the demo ends", actor="demo", now=datetime.now(UTC))
        except (DatabaseError, InterfaceError):
            connection.close()
            return False
        return True

    def _look(self, phase: str) -> Snapshot:
        self._logs.read()
        progress = Progress(phase, self._elapsed_s(), self._fleet.views())
        self._pool.look(progress.processes)
        snapshot = self._gatherer.gather(progress)
        self._screen.show(snapshot)
        return snapshot

    def _is_over(self) -> bool:
        return self._plan.seconds is not None and self._elapsed_s() >= self._plan.seconds

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    def _ending(self, last: Snapshot) -> Ending:
        self._logs.read()
        return Ending(
            plan=self._plan,
            snapshot=last,
            started_at=self.started_at,
            disturbances=tuple(self._journal.disturbances),
            unexpected=tuple(self._logs.unexpected()),
            explained=tuple(self._logs.explained()),
            interrupted_by=self.interrupted_by,
            audit=self._asked(audit),
            learning=self._asked(learning_of),
        )

    def _asked(self, question: Callable[[Scope], _Answer]) -> _Answer | None:
        """Return what the rows of the run answer, or None where the database does not."""
        gives_up_at_s = time.monotonic() + _STORE_S
        while True:
            try:
                return question(self._plan.scope)
            except (DatabaseError, InterfaceError):
                connection.close()
                if time.monotonic() > gives_up_at_s:
                    return None
                time.sleep(TICK_S)

    def _store_run(self) -> None:
        plan = self._plan
        shown = {"pairs": plan.variables["ARB_PAIRS"], "seconds": plan.seconds, "log_dir": str(plan.log_dir)}
        Run.objects.create(
            **plan.scope.columns, command="demo", seed=plan.seed, settings=shown, started_at=self.started_at
        )


def store_summary(plan: Plan, summary: dict[str, Any]) -> bool:
    """Keep the summary with the run, and return whether the database took it within a few seconds."""
    now = datetime.now(UTC)
    gives_up_at_s = time.monotonic() + _STORE_S
    while True:
        try:
            Run.objects.in_scope(plan.scope).update(summary=summary, ended_at=now, last_instant=now)
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > gives_up_at_s:
                return False
            time.sleep(TICK_S)
        else:
            return True
