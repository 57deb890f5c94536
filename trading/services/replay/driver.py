"""The replay's loop: one process on a virtual clock, through the same decide, commit and step as everything else.

At each instant: what fell due meets the book that was known and is stepped, the instant's books are shown, cooled
breakers let probes through, the changed routes are decided, new episodes are committed and their orders sent, ended
episodes are closed. Instants are lived through in chunks: a chunk's rows and the checkpoint behind it are one
transaction, so that a run that is broken off goes on behind its last whole chunk as if nothing had happened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TypeVar

from django.db import transaction

from domain.breakers import BreakerState
from domain.detection import DetectConfig
from domain.execution import EXECUTION_TERMINAL
from domain.inventory import UNLIMITED, Holdings
from domain.market import MarketKey
from domain.scope import Scope
from domain.scores import Scorer
from domain.terms import Rejected
from domain.timestamps import from_ns
from risk.selectors import breakers_of
from risk.services import tick
from trading.dispatch import InlineDispatch
from trading.marketdata.clock import VirtualClock
from trading.models import Execution
from trading.services import edges, episodes, execution, observing, pipeline
from trading.services.counts import EvaluationCounter, record_looks
from trading.services.decision import Decision
from trading.services.execution.step import Venues
from trading.services.near_misses import record_near_miss
from trading.services.observing import FillRequest
from trading.services.offers import record_offers
from trading.services.remembering import remember_edge
from trading.services.replay.pace import Pace
from trading.services.replay.pending_orders import PendingOrders
from trading.services.replay.segment import Segment
from trading.services.replay.timeline import Instant, Json, Opening, Timeline
from trading.services.replay.volatility import VolatilityWatch
from trading.services.replay.watcher import Watcher

T = TypeVar("T")
Progress = Callable[[int, int], None]

CHUNK_S = 5.0
CHECKPOINT_SHARE = 20  # a chunk takes at least so many times what writing its checkpoint took
REPORT_EVERY = 60  # instants
LONGEST_RUN_OUT = 150  # steps that an execution may take to end once the recording is over


@dataclass(frozen=True, slots=True)
class Parts:
    """What a replay is made of; ``assume`` lets the settings say an opening's terms, ``keep`` stores a checkpoint."""

    scope: Scope
    clock: VirtualClock
    score: Scorer
    venues: Callable[[DetectConfig], Venues]
    assume: Callable[[Opening], None]
    keep: Callable[[Json, int], None]
    holdings: Holdings = UNLIMITED
    watchers: Sequence[Watcher] = ()
    pace: Pace = field(default_factory=Pace)
    chunk_s: float = CHUNK_S


class Driver:
    """Runs one timeline to its end, from its beginning or from behind a checkpoint."""

    def __init__(self, timeline: Timeline, parts: Parts, *, checkpoint: Json | None = None) -> None:
        self._timeline = timeline
        self._parts = parts
        self._checkpoint = checkpoint
        self._segment: Segment | None = None
        self._dispatch = InlineDispatch()
        self._waiting = PendingOrders(parts.scope)
        self._counts = EvaluationCounter()
        self._volatility = VolatilityWatch(timeline.markets)
        self._running: set[int] = set()
        self._cool_at: datetime | None = None
        self._position: Json | None = checkpoint["position"] if checkpoint else None
        self._is_over = False

    def run(self, progress: Progress, *, end: Callable[[], T]) -> T:
        """Replay what is left, go on without books until every execution has ended, and return what ``end`` does.

        ``end`` is called in the transaction of the last chunk: a run has either ended whole or goes on from before.
        """
        if self._checkpoint is not None:
            self._parts.clock.set(self._checkpoint["clock_ns"])
        instants = self._told(self._timeline.instants(self._position), progress)
        keeping_s = 0.0
        while True:
            with transaction.atomic():
                self._live_chunk(instants, until_s=monotonic() + max(self._parts.chunk_s, CHECKPOINT_SHARE * keeping_s))
                begun_s = monotonic()
                self._keep()
                if self._is_over:
                    return end()
                keeping_s = monotonic() - begun_s

    def _told(self, instants: Iterator[Instant], progress: Progress) -> Iterator[Instant]:
        """Yield every instant, and tell of some once they have been lived through."""
        step_ns, first_ns = self._timeline.step_ns, self._timeline.first_ns
        total = (self._timeline.last_ns - first_ns) // step_ns + 1
        told = 0
        for number, instant in enumerate(instants, start=1):
            yield instant
            if number % REPORT_EVERY == 0:
                told = (instant.at_ns - first_ns) // step_ns + 1
                progress(told, total)
        if told != total:
            progress(total, total)

    def _live_chunk(self, instants: Iterator[Instant], *, until_s: float) -> None:
        if self._position is None and self._checkpoint is None:
            tick(self._parts.scope, from_ns(0))  # the scope's gate, limits and breakers come into being
        for instant in instants:
            if instant.is_past:
                self._show_again(instant)
                continue
            self._parts.pace.wait_for(instant.at_ns)
            self._live_through(instant)
            if monotonic() >= until_s:
                return
        self._run_out()
        self._is_over = True

    def _show_again(self, instant: Instant) -> None:
        if instant.opening is not None:
            self._segment = self._begin(instant.opening)
        assert self._segment is not None
        self._segment.markets.show(instant)

    def _live_through(self, instant: Instant) -> None:
        now_ns = max(instant.at_ns, self._parts.clock.now_ns())  # a machine's clock is set back now and then
        self._parts.clock.set(now_ns)
        segment = self._ready_for(instant, now_ns)
        changed = segment.show(instant, now_ns)
        self._store_edges(segment, now_ns)
        if self._volatility.note(
            instant.books, among=segment.unsettled(instant), now_ns=now_ns, scope=self._parts.scope
        ):
            self._see_breakers()
        if segment.config.resolution_s:
            segment.learn(self._volatility.contexts(now_ns))
        self._cool(now_ns)
        self._decide(segment, changed, now_ns)
        self._close_episodes(segment, now_ns)
        segment.offers.sample(segment.markets.view, segment.opening.markets, now_ns)
        for watcher in self._parts.watchers:
            watcher.note(now_ns, segment.markets.view)
        self._position = instant.position

    def _ready_for(self, instant: Instant, now_ns: int) -> Segment:
        """Return the segment of this instant, once all that fell due has met what was known before it."""
        if self._segment is not None:
            self._restore(self._segment)
            self._meet(self._segment, instant, now_ns)
            self._store_edges(self._segment, self._segment.last_ns_before(now_ns))
        if instant.opening is not None:
            self._open(instant.opening)
        assert self._segment is not None, "the first instant opens"
        return self._segment

    def _open(self, opening: Opening) -> None:
        if self._segment is not None:
            self._flush(self._segment)
            self._close_all(self._segment)
        self._segment = self._begin(opening)

    def _begin(self, opening: Opening) -> Segment:
        self._parts.assume(opening)
        return Segment(opening, self._parts.venues(opening.config))

    def _meet(self, segment: Segment, instant: Instant, now_ns: int) -> None:
        if not self._running:
            return
        for request in self._waiting.due(now_ns):
            met = segment.markets.meet(request, instant)
            if met is None:
                self._waiting.not_seen(request)
            elif isinstance(met, FillRequest):
                self._waiting.no_block_yet(met, now_ns=now_ns)
            else:
                observing.store_book(request, met, at_ns=now_ns, dispatch=self._dispatch)
        given_up = set(self._waiting.given_up(now_ns))
        self._step(segment, given_up | {row_id for _, row_id in self._dispatch.drain()})

    def _decide(self, segment: Segment, changed: Sequence[MarketKey], now_ns: int) -> None:
        parts, config, begun = self._parts, segment.config, []
        for market in changed:
            for found in pipeline.decide(
                market,
                segment.markets.view,
                config=config,
                score=parts.score,
                clock=parts.clock,
                holdings=parts.holdings,
                background=segment.background,
            ):
                self._counts.add(found, now_ns=now_ns)
                if isinstance(found, Decision):
                    if opened := segment.episodes.opens(found):
                        begun.append((found, opened))
                elif found.net_bps is not None:
                    self._sample(segment, found)
        for decision, opened in begun:
            if opened.ended is not None:
                episodes.close_episode(opened.ended, scope=parts.scope)
            self._commit(segment, decision)

    def _sample(self, segment: Segment, found: Rejected) -> None:
        miss = pipeline.near_miss(
            found,
            segment.markets.view,
            spells=segment.near_misses,
            config=segment.config,
            score=self._parts.score,
            clock=self._parts.clock,
            background=segment.background,
        )
        if miss is not None:
            segment.edges.watch(miss)
            record_near_miss(miss, scope=self._parts.scope)

    def _commit(self, segment: Segment, decision: Decision) -> None:
        segment.edges.watch(decision)
        pipeline.commit(decision, scope=self._parts.scope, dispatch=self._dispatch)
        self._step(segment, {row_id for _, row_id in self._dispatch.drain()})

    def _step(self, segment: Segment, execution_ids: set[int]) -> None:
        for execution_id in sorted(execution_ids):  # oldest first, whatever asked for it
            self._running.add(execution_id)
            if execution.step(execution_id, venues=segment.venues, clock=self._parts.clock) in EXECUTION_TERMINAL:
                self._running.discard(execution_id)
        if execution_ids:
            self._parts.holdings.refresh()
            self._waiting.look_for_more()
            self._see_breakers()

    def _see_breakers(self) -> None:
        waiting = [row.cool_until for row in breakers_of(self._parts.scope) if row.state == BreakerState.OPEN]
        self._cool_at = min((until for until in waiting if until is not None), default=None)

    def _cool(self, now_ns: int) -> None:
        if self._cool_at is not None and self._cool_at <= from_ns(now_ns):
            tick(self._parts.scope, from_ns(now_ns))
            self._see_breakers()

    def _store_edges(self, segment: Segment, now_ns: int) -> None:
        for watched, left in segment.edges.complete(now_ns):
            remember_edge(segment.background, watched, left)
            edges.record_edges(watched, left, scope=self._parts.scope)

    def _close_episodes(self, segment: Segment, now_ns: int) -> None:
        for closed in segment.episodes.closed_by(now_ns):
            episodes.close_episode(closed, scope=self._parts.scope)

    def _close_all(self, segment: Segment) -> None:
        self._close_episodes(segment, self._parts.clock.now_ns() + segment.opening.linger_ns + 1)

    def _run_out(self) -> None:
        if (segment := self._segment) is None:
            return
        self._restore(segment)
        now_ns, left = self._parts.clock.now_ns(), LONGEST_RUN_OUT
        while self._running and left:
            now_ns, left = now_ns + self._timeline.step_ns, left - 1
            self._parts.clock.set(now_ns)
            self._meet(segment, Instant(now_ns, (), {}, self._position), now_ns)
        self._close_all(segment)

    def _flush(self, segment: Segment) -> None:
        record_looks(self._counts.take(), scope=self._parts.scope)
        record_offers(segment.offers.take(), scope=self._parts.scope)

    def _keep(self) -> None:
        """Write what was counted, and the checkpoint that the run can go on from."""
        segment, parts = self._segment, self._parts
        if segment is None:
            return
        self._flush(segment)
        now_ns = parts.clock.now_ns()
        state = {
            "position": self._position,
            "clock_ns": now_ns,
            "segment": segment.state(),
            "waiting": self._waiting.state(),
            "volatility": self._volatility.state(),
            "watchers": [watcher.state() for watcher in parts.watchers],
        }
        parts.keep(state, now_ns)

    def _restore(self, segment: Segment) -> None:
        """Take up, once, what the checkpoint and the rows hold."""
        if (kept := self._checkpoint) is None:
            return
        self._checkpoint = None
        segment.restore(kept["segment"])
        self._waiting.restore(kept["waiting"])
        self._volatility.restore(kept["volatility"])
        for watcher, state in zip(self._parts.watchers, kept["watchers"], strict=True):
            watcher.restore(state)
        ongoing = Execution.objects.in_scope(self._parts.scope).exclude(state__in=EXECUTION_TERMINAL)
        self._running = set(ongoing.values_list("pk", flat=True))
        self._parts.holdings.refresh()
        self._see_breakers()
