"""What happens to each book and pool: decisions go to the writer, later looks come due on a heap."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import structlog

from domain.background import Background
from domain.book import levels_facing, total_of
from domain.detection import DetectConfig
from domain.features import Contexts
from domain.market import Clock, Market, MarketKey, PoolState, Side
from domain.money import EXACT, ZERO, quantize_down
from domain.scope import Scope
from domain.scores import Scorer
from domain.terms import Rejected
from domain.timestamps import NS_PER_MS, NS_PER_S, from_ns
from trading.dispatch import Dispatch
from trading.marketdata.clock import VirtualClock
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.view import BookView
from trading.services import edges, episodes, observing, pipeline
from trading.services.counts import EvaluationCounter, record_looks
from trading.services.decision import Decision
from trading.services.near_misses import NearMissTracker, record_near_miss
from trading.services.offers import OfferSampler, record_offers
from trading.services.recording.recorder import Recorder
from trading.services.remembering import remember_edge
from trading.services.snapshots import Snapshot, append_snapshots
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

TICK_S = 0.02
FLUSH_EVERY_NS = 10 * NS_PER_S
SNAPSHOT_EVERY_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Parts:
    """What a stream is made of; without a recorder nothing is recorded, without a sampler no offers are counted."""

    scope: Scope
    clock: Clock
    view: BookView
    cache: PriceCache
    writer: Writer
    dispatch: Dispatch
    score: Scorer
    config: DetectConfig
    linger_ns: int
    recorder: Recorder | None = None
    offers: OfferSampler | None = None
    trades: bool = True  # without it decisions are told, and neither written nor traded
    tell: Callable[[Decision], None] | None = None  # of every decision that begins an episode


class Engine:
    """Holds the state between two books; every method runs in the loop's thread and never waits.

    What is decided follows from the books, what was learnt between them and their instants alone, never from when a
    tick ran: a recording replays to the same decisions.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config
        self._only_read = parts.view.only_read
        self._background = Background()
        self._episodes = episodes.EpisodeTracker(linger_ns=parts.linger_ns)
        self._near_misses = NearMissTracker(parts.config, self._episodes.is_open, linger_ns=parts.linger_ns)
        self.fills = observing.FillWatch()
        self._edges = edges.EdgeWatch(parts.view, offsets_ms=edges.offsets_for(parts.config))
        self._counts = EvaluationCounter()
        self._instant = VirtualClock()  # all that follows from a book happens at one instant
        self._flush_at_ns = self._snapshot_at_ns = 0

    def on_book(self, book: Market) -> None:
        """Take in one book or pool and act on what it changes. Raises: BadMarketData if the view refuses it."""
        parts, now_ns = self._parts, self._next_instant()
        self._look_again(now_ns)  # what fell due meets the books as they were before this one
        change = parts.view.put(book)
        if not self._only_read or change not in self._only_read:  # those another stream writes
            parts.cache.put(book)
        if parts.recorder is not None:
            parts.recorder.add(now_ns, book)
        if isinstance(book, PoolState):
            self._background.note_gas(book, at_ns=now_ns)
        for found in pipeline.decide(
            change,
            parts.view,
            config=self._config,
            score=parts.score,
            clock=self._instant,
            background=self._background,
        ):
            self._counts.add(found, now_ns=now_ns)
            if isinstance(found, Decision):
                if opened := self._episodes.opens(found):
                    self._begin(found, opened)
            elif found.net_bps is not None and parts.trades:
                self._sample(found)

    def learn(self, context: Contexts) -> None:
        """Decide from the next book on by what rows tell of pairs now."""
        if context == self._config.context:
            return
        self._config = replace(self._config, context=context)
        if self._parts.recorder is not None:
            self._parts.recorder.learn(context)

    def tick(self) -> None:
        """Do what has come due: later looks, ended episodes, pages, samples of offers, counts and snapshots."""
        parts, now_ns = self._parts, self._next_instant()
        self._look_again(now_ns)
        for closed in self._episodes.closed_by(now_ns):
            self._close(closed)
        if parts.offers is not None:
            parts.offers.sample(parts.view, parts.view.markets, now_ns)
        if parts.recorder is not None:
            parts.recorder.tick(now_ns)
        self._flush(now_ns)

    async def run(self) -> None:
        """Tick until cancelled."""
        self.begin()
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def begin(self) -> None:
        """Open the recording."""
        if self._parts.recorder is not None:
            self._parts.recorder.begin(self._next_instant())

    def finish(self) -> None:
        """Hand over what was counted and the last page, once no more books come."""
        self._write_counts()
        if self._parts.recorder is not None:
            self._parts.recorder.finish(self._next_instant())

    def _next_instant(self) -> int:
        """Read the clock, once for all that happens now; where it was set back, time stands still until it is past."""
        self._instant.set(max(self._instant.now_ns(), self._parts.clock.now_ns()))
        return self._instant.now_ns()

    def _look_again(self, now_ns: int) -> None:
        self._store_books(now_ns)
        for watched, left in self._edges.complete(now_ns):
            remember_edge(self._background, watched, left)
            self._submit("edges", partial(edges.record_edges, watched, left, scope=self._parts.scope))

    def _begin(self, decision: Decision, opened: episodes.Opened) -> None:
        if self._parts.tell is not None:
            self._parts.tell(decision)
        if self._parts.trades:
            self._close(opened.ended)
            self._commit(decision)

    def _sample(self, found: Rejected) -> None:
        parts = self._parts
        miss = pipeline.near_miss(
            found,
            parts.view,
            spells=self._near_misses,
            config=self._config,
            score=parts.score,
            clock=self._instant,
            background=self._background,
        )
        if miss is not None:
            self._edges.watch(miss)
            self._submit("near_miss", partial(record_near_miss, miss, scope=parts.scope))

    def _close(self, closed: episodes.Closed | None) -> None:
        if closed is not None:
            self._submit("episode_closed", partial(episodes.close_episode, closed, scope=self._parts.scope))

    def _commit(self, decision: Decision) -> None:
        parts = self._parts
        self._edges.watch(decision)
        self._submit("decision", partial(pipeline.commit, decision, scope=parts.scope, dispatch=parts.dispatch))

    def _store_books(self, now_ns: int) -> None:
        parts = self._parts
        for request in self.fills.due(now_ns):
            met = observing.met_by(request, parts.view, max_age_ms=parts.config.max_age_ms)
            if isinstance(met, observing.FillRequest) and now_ns < met.given_up_ns:
                self.fills.put_off(met)
            elif met is None or isinstance(met, observing.FillRequest):
                log.warning("fill_not_observed", order_id=request.order_id, venue=request.market.venue)
            else:
                store = partial(observing.store_book, request, met, at_ns=now_ns, dispatch=parts.dispatch)
                self._submit("fill_book", store)

    def _flush(self, now_ns: int) -> None:
        if now_ns >= self._flush_at_ns:
            self._flush_at_ns = now_ns + FLUSH_EVERY_NS
            self._write_counts()
        if now_ns >= self._snapshot_at_ns:
            self._snapshot_at_ns = now_ns + SNAPSHOT_EVERY_NS
            self._submit("snapshots", partial(record_snapshots, self._fresh_books(now_ns), self._parts))

    def _write_counts(self) -> None:
        scope = self._parts.scope
        if looks := self._counts.take():
            self._submit("looks", partial(record_looks, looks, scope=scope))
        if self._parts.offers is not None and (offers := self._parts.offers.take()):
            self._submit("offers", partial(record_offers, offers, scope=scope))

    def _fresh_books(self, now_ns: int) -> list[Market]:
        max_age_ns = self._parts.config.max_age_ms * NS_PER_MS
        seen = self._parts.view.books()
        ours = (book for book in seen if MarketKey(book.venue, book.pair) not in self._only_read)
        return [book for book in ours if now_ns - book.seen_at_ns <= max_age_ns]

    def _submit(self, name: str, job: Callable[[], object]) -> None:
        if not self._parts.writer.submit(name, job):
            log.warning("writer_is_full", dropped=name)


def record_snapshots(books: Iterable[Market], parts: Parts) -> None:
    """Append the best prices and the visible depth of each book."""
    now = from_ns(parts.clock.now_ns())
    append_snapshots(
        parts.scope,
        (
            Snapshot(
                timestamp=now,
                venue=book.venue,
                symbol=book.pair.symbol,
                bid=book.best_bid,
                ask=book.best_ask,
                bid_depth_usd=_depth_usd(book, Side.SELL, parts.config),
                ask_depth_usd=_depth_usd(book, Side.BUY, parts.config),
            )
            for book in books
        ),
    )


def _depth_usd(book: Market, side: Side, config: DetectConfig) -> Decimal:
    rate = config.quote_usd.get(book.pair.quote.symbol, ZERO)
    return quantize_down(EXACT.multiply(total_of(levels_facing(book, side)).quote, rate))
