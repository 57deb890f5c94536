"""The replay's loop: one process on a virtual clock, through the same decide, commit and step as everything else.

At each instant: what fell due meets its book and is stepped, cooled breakers let probes through, every route is
decided, new episodes are committed and their orders sent, ended episodes are closed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.breakers import BreakerState
from domain.detection import DetectConfig
from domain.execution import EXECUTION_TERMINAL
from domain.features import Scorer
from domain.scope import Scope
from domain.timestamps import from_ns
from risk.selectors import breakers_of
from risk.services import tick
from trading.dispatch import InlineDispatch
from trading.services import episodes, execution, observing, pipeline
from trading.services.counts import EvaluationCounter, record_looks
from trading.services.decision import Decision
from trading.services.execution.step import Venues
from trading.services.replay.timeline import Instant, RecordedView, Timeline
from trading.services.replay.unrest import Unrest

Progress = Callable[[int, int], None]

REPORT_EVERY = 60  # instants
FLUSH_EVERY = 1_440
LONGEST_RUN_OUT = 60  # instants that an execution may take to end once the recording is over


class VirtualClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self._now_ns = 0

    def set(self, now_ns: int) -> None:
        """Let it be ``now_ns``."""
        assert now_ns >= self._now_ns, "time only goes forward"
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the instant that was set."""
        return self._now_ns


@dataclass(frozen=True, slots=True)
class Parts:
    """What a replay is made of."""

    scope: Scope
    clock: VirtualClock
    config: DetectConfig
    score: Scorer
    venues: Venues
    linger_ns: int


class Driver:
    """Runs one timeline to its end; what it knows beside the database is lost with it."""

    def __init__(self, timeline: Timeline, parts: Parts) -> None:
        self._timeline = timeline
        self._parts = parts
        self._view = RecordedView(timeline.markets)
        self._dispatch = InlineDispatch()
        self._episodes = episodes.EpisodeTracker(linger_ns=parts.linger_ns)
        self._fills = observing.FillWatch()
        self._counts = EvaluationCounter()
        self._unrest = Unrest(timeline.markets)
        self._running: set[int] = set()
        self._cool_at: datetime | None = None

    def run(self, progress: Progress) -> None:
        """Replay everything, then go on without books until every execution has ended."""
        tick(self._parts.scope, from_ns(0))  # the scope's gate, limits and breakers come into being
        total = len(self._timeline)
        for number, instant in enumerate(self._timeline.instants(), start=1):
            self._live_through(instant)
            if number % FLUSH_EVERY == 0:
                self._flush()
            if number % REPORT_EVERY == 0 or number == total:
                progress(number, total)
        self._run_out()
        self._flush()

    def _live_through(self, instant: Instant) -> None:
        now_ns = instant.at_ns
        self._parts.clock.set(now_ns)
        self._view.show(instant.books)
        if self._running:
            self._store_books(instant)
            self._step_all()
        if self._unrest.note(instant.books, now_ns=now_ns, scope=self._parts.scope):
            self._see_breakers()
        self._cool(now_ns)
        self._decide(now_ns)
        self._close_episodes(now_ns)

    def _decide(self, now_ns: int) -> None:
        parts, view = self._parts, self._view
        begun = []
        for market in self._timeline.markets:
            for found in pipeline.decide(market, view, config=parts.config, score=parts.score, clock=parts.clock):
                self._counts.add(found, now_ns=now_ns)
                if isinstance(found, Decision) and self._episodes.opens(found):
                    begun.append(found)
        for decision in begun:
            pipeline.commit(decision, scope=parts.scope, dispatch=self._dispatch)
            self._step({row_id for _, row_id in self._dispatch.drain()})

    def _store_books(self, instant: Instant) -> None:
        for request in self._fills.due(instant.at_ns):
            book = instant.fill_book(request.market)
            if book is not None:  # else nobody saw the market in time, and the leg is refused for it
                observing.store_book(request, book, at_ns=instant.at_ns, dispatch=self._dispatch)

    def _step_all(self) -> None:
        """Step whatever has not ended: what met its book, and what waits for one in vain."""
        self._dispatch.drain()  # names nothing that is not running
        self._step(set(self._running))

    def _step(self, execution_ids: set[int]) -> None:
        parts = self._parts
        for execution_id in sorted(execution_ids):  # oldest first, whatever asked for it
            self._running.add(execution_id)
            if execution.step(execution_id, venues=parts.venues, clock=parts.clock) in EXECUTION_TERMINAL:
                self._running.discard(execution_id)
        if execution_ids:
            self._watch_fills()
            self._see_breakers()

    def _watch_fills(self) -> None:
        for request in observing.pending_requests(self._parts.scope):
            self._fills.add(request)

    def _see_breakers(self) -> None:
        waiting = [row.cool_until for row in breakers_of(self._parts.scope) if row.state == BreakerState.OPEN]
        self._cool_at = min((until for until in waiting if until is not None), default=None)

    def _cool(self, now_ns: int) -> None:
        if self._cool_at is not None and self._cool_at <= from_ns(now_ns):
            tick(self._parts.scope, from_ns(now_ns))
            self._see_breakers()

    def _close_episodes(self, now_ns: int) -> None:
        for closed in self._episodes.closed_by(now_ns):
            episodes.close_episode(closed, scope=self._parts.scope)

    def _run_out(self) -> None:
        now_ns, left = self._parts.clock.now_ns(), LONGEST_RUN_OUT
        while self._running and left:
            now_ns, left = now_ns + self._timeline.step_ns, left - 1
            self._parts.clock.set(now_ns)
            self._store_books(Instant(now_ns, {}, lambda market: None))
            self._step_all()
        self._close_episodes(now_ns + self._parts.linger_ns)

    def _flush(self) -> None:
        record_looks(self._counts.take(), scope=self._parts.scope)
