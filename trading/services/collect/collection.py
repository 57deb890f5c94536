"""A collection: one watch after another, each with the venues that have answered, and what they came to together.

What has not answered yet is asked again; once a further venue lists its pairs, a new watch and recording begin with it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import redis.asyncio
import structlog
from django.conf import settings

from domain.errors import ArbError, BadInput, BadMarketData, Refused, Unreachable
from domain.market import Clock, Market, MarketKey, Pair
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns
from trading.async_redis import async_client
from trading.marketdata.feeds import VenueStatus
from trading.services.collect.dispatch import WriterDispatch
from trading.services.collect.figures import Figures, VenueFigures, absent, problem_of, rss_bytes, sum_of, venue_figures
from trading.services.decision import Decision
from trading.services.recording.recorder import Recorder
from trading.services.reference.terms import Reference, account_sources
from trading.services.stream.listings import ASK_AGAIN_S, Lots, Told, ask_until_answered, in_thread
from trading.services.stream.session import Plan, Session, open_session
from trading.services.stream.watch_lock import hold_watch, take_watch
from trading.services.venues import trading_venues
from trading.services.writer import Writer
from trading.venues import roster
from trading.venues.base import MarketSource

log = structlog.get_logger(__name__)

PROCESS = "collect"
BEAT_EVERY_S = 10.0
LOOK_EVERY_S = 0.5
PATIENCE_S = 10.0  # with venues that do not answer, where another has


class Teller(Told, Protocol):
    """Who is told what happens while it happens."""

    def asks(self, venues: Sequence[str]) -> None:
        """Take the venues that are asked what they list; the first answer takes a few seconds."""

    def watches(self, markets: Sequence[MarketKey]) -> None:
        """Take the markets that are watched from now on."""

    def connects(self, status: VenueStatus, reason: str) -> None:
        """Take how a venue's connection stands, which has changed, and why."""

    def decides(self, decision: Decision) -> None:
        """Take a decision that begins an episode."""

    def beats(self, figures: Figures) -> None:
        """Take how it goes, every few seconds."""


class Collection:
    """Runs in the loop's thread; what was written is known once the writer has stopped."""

    def __init__(self, scope: Scope, *, clock: Clock, writer: Writer, teller: Teller, trades: bool = True) -> None:
        self._scope = scope
        self._clock = clock
        self._writer = writer
        self._teller = teller
        self._trades = trades
        self.session: Session | None = None
        self._stepper = WriterDispatch(scope, venues=trading_venues(scope, clock=clock), clock=clock, writer=writer)
        self._answers: dict[str, asyncio.Task[Lots]] = {}
        self._recorders: list[Recorder] = []
        self._past: list[VenueStatus] = []  # how feeds stood when their watch ended
        self._connections: dict[str, _Connection] = {}
        self._problems = dict.fromkeys(roster.adapters(settings.ARB.venues), "has not answered yet")
        self._begun = 0
        self._started_ns = clock.now_ns()
        self._watched_ns: int | None = None  # since when
        self._rss_start = rss_bytes()

    async def run(self, duration_s: float | None) -> None:
        """Collect until cancelled or the time is over."""
        watch = await take_watch(self._scope)
        try:
            async with asyncio.timeout(duration_s), asyncio.TaskGroup() as group:
                for work in (hold_watch(self._scope, watch), self._stepper.run(), self._beat(), self._follow()):
                    group.create_task(work)
                await self._watch_all()
        except TimeoutError:
            log.info("collect_is_over", after_s=duration_s)

    async def once(self) -> None:
        """Take one book of every market, by REST, decide and record them."""
        watch = await take_watch(self._scope)
        async with watch, async_client(settings.ARB.redis_url) as client:
            await self._ask_all(ask_again_s=None)
            await asyncio.wait(self._answers.values())
            if (known := self._known()) is None:
                return
            session = self._open(known, client)
            session.engine.begin()
            for books in await asyncio.gather(*(self._snapshot(source) for source in session.sources)):
                for book in books:
                    self._take(session, book)
            session.engine.finish()

    def figures(self) -> Figures:
        """Return what it came to until now."""
        now_ns = self._clock.now_ns()
        recorded = [recorder.recorded() for recorder in self._recorders]
        return Figures(
            mode=self._scope.mode.value,
            started_at=from_ns(self._started_ns),
            elapsed_s=(now_ns - self._started_ns) / NS_PER_S,
            watched_s=0.0 if self._watched_ns is None else (now_ns - self._watched_ns) / NS_PER_S,
            venues=tuple(self._venues()),
            recordings=tuple(one.recording_id for one in recorded if one.recording_id is not None),
            recorded=sum_of(recorded),
            opportunities=self._begun,
            executions={},
            rss_start=self._rss_start,
            rss=rss_bytes(),
            dropped=self._writer.counts["dropped"],
            failed=self._writer.counts["failed"],
        )

    # Told by ``ask_until_answered`` and the engine, told on.

    def lists(self, venue: str, pairs: Sequence[Pair], missing: Sequence[Pair]) -> None:
        """Note that a venue answers."""
        self._problems.pop(venue, None)
        if not pairs:
            self._problems[venue] = "lists none of the pairs in ARB_PAIRS"
        self._teller.lists(venue, pairs, missing)

    def fails(self, venue: str, error: ArbError, *, is_final: bool) -> None:
        """Note why a venue does not answer."""
        self._problems[venue] = problem_of(error)
        self._teller.fails(venue, error, is_final=is_final)

    def _decides(self, decision: Decision) -> None:
        self._begun += 1
        self._teller.decides(decision)

    async def _watch_all(self) -> None:
        async with async_client(settings.ARB.redis_url) as client:
            await self._ask_all(ask_again_s=ASK_AGAIN_S)
            try:
                await self._wait_for_enough()
                while (known := self._known()) is not None:
                    await self._watch(self._open(known, client))
            finally:
                for answer in self._answers.values():
                    answer.cancel()
        raise BadInput("no venue lists any of the pairs in ARB_PAIRS")

    async def _ask_all(self, *, ask_again_s: float | None) -> None:
        self._teller.asks(tuple(self._problems))
        sources = await in_thread(lambda: account_sources(clock=self._clock))
        for venue, source in sources.items():
            asking = ask_until_answered(venue, source, settings.ARB.pairs, told=self, ask_again_s=ask_again_s)
            self._answers[venue] = asyncio.ensure_future(asking)

    async def _wait_for_enough(self) -> None:
        """Wait until every venue has answered, or one has and the others were given a little time."""
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + PATIENCE_S
        while waiting := self._unanswered():
            has_one = self._known() is not None
            if has_one and now_s() >= until_s:
                return
            left_s = until_s - now_s() if has_one else None
            await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)

    def _unanswered(self) -> set[asyncio.Task[Lots]]:
        return {answer for answer in self._answers.values() if not answer.done()}

    def _known(self) -> Reference | None:
        """Return what the venues that have answered list; None where that is nothing."""
        known = Reference.of({venue: answer.result() for venue, answer in self._answers.items() if answer.done()})
        return known if known.lots else None

    def _open(self, known: Reference, client: "redis.asyncio.Redis") -> Session:
        plan = Plan(
            process=PROCESS,
            scope=self._scope,
            clock=self._clock,
            writer=self._writer,
            dispatch=self._stepper,
            records=True,
            trades=self._trades,
            tell=self._decides,
        )
        self.session = session = open_session(plan, known, client)
        if self._watched_ns is None:  # what the venues' libraries take is taken by now
            self._watched_ns, self._rss_start = self._clock.now_ns(), rss_bytes()
        if session.recorder is not None:
            self._recorders.append(session.recorder)
        self._teller.watches(tuple(known.lots))
        return session

    async def _watch(self, session: Session) -> None:
        """Watch until cancelled, or until a further venue lists its pairs."""
        work = asyncio.ensure_future(session.run())
        try:
            while not work.done() and self._known() == session.known:
                await asyncio.wait({work, *self._unanswered()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            await asyncio.wait({work})  # its last page is handed over meanwhile
        if not work.cancelled():
            work.result()
        self._past += session.feeds.statuses()

    async def _snapshot(self, source: MarketSource) -> Sequence[Market]:
        assert self.session is not None
        try:
            return await source.snapshot(self.session.pairs[source.venue])
        except (Refused, Unreachable) as error:
            self.fails(source.venue, error, is_final=True)
            return []

    def _take(self, session: Session, book: Market) -> None:
        try:
            session.engine.on_book(book)
        except BadMarketData as bad:
            self.fails(book.venue, bad, is_final=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            self._teller.beats(self.figures())

    async def _follow(self) -> None:
        """Tell of every change of a connection."""
        while True:
            for status in self.session.feeds.statuses() if self.session else ():
                self._note(status)
            await asyncio.sleep(LOOK_EVERY_S)

    def _note(self, status: VenueStatus) -> None:
        venue, trouble = status.feed.venue, Counter(status.feed.trouble)
        before = self._connections.get(venue, _Connection(False, "", Counter()))
        reason = next(iter(trouble - before.trouble), before.reason)
        now = self._connections[venue] = _Connection(status.is_connected, status.last_error or reason, trouble)
        is_worse = not now.is_connected and now.reason != before.reason
        if now.is_connected is not before.is_connected or is_worse:
            self._teller.connects(status, now.reason)

    def _venues(self) -> list[VenueFigures]:
        known = self.session.pairs if self.session else {}
        statuses = self.session.feeds.statuses() if self.session else ()
        found = venue_figures(statuses, self._past, markets={venue: len(pairs) for venue, pairs in known.items()})
        watched = [replace(one, problem=one.problem or self._problems.get(one.venue, "")) for one in found]
        names = {one.venue for one in watched}
        return watched + [absent(venue, why) for venue, why in self._problems.items() if venue not in names]


class _Connection(NamedTuple):
    is_connected: bool
    reason: str
    trouble: Counter[str]
