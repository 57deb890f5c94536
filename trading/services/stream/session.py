"""One unbroken watch of the markets: feeds, books, engine and recorder joined, run until cancelled."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import redis.asyncio
import structlog
from django.conf import settings

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.market import Clock, Pair
from domain.partition import WHOLE, Share
from domain.scope import Scope
from domain.scores import Scorer
from domain.timestamps import NS_PER_MS, NS_PER_S
from mlops.services import LiveScorer, unread_scorer
from trading.dispatch import Dispatch
from trading.marketdata.feeds import Feeds
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.venue_teller import VenueBoardWriter
from trading.marketdata.view import BookView
from trading.services.decision import Decision
from trading.services.episodes import close_left_open
from trading.services.offers import OfferSampler
from trading.services.partitions import only_read
from trading.services.recording.recorder import Recorder
from trading.services.recording.terms import Terms
from trading.services.reference.terms import Reference, detect_config
from trading.services.stream.context import follow_context
from trading.services.stream.engine import Engine, Parts
from trading.services.stream.metrics import tell_of_watch
from trading.services.stream.models import follow_models
from trading.services.stream.requests import follow_requests
from trading.services.writer import Writer
from trading.venues import registry, roster
from trading.venues.base import MarketSource

log = structlog.get_logger(__name__)

SAMPLE_EVERY_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Plan:
    """What a watch is for: who runs it, for which scope, where executions are stepped, and whether it records."""

    process: str
    scope: Scope
    clock: Clock
    writer: Writer
    dispatch: Dispatch
    records: bool
    trades: bool = True  # without it decisions are told, and neither written nor traded
    tell: Callable[[Decision], None] | None = None  # of every decision that begins an episode
    account_fees: Mapping[str, FeeSchedule] = field(default_factory=dict)  # what accounts say they pay, by venue
    share: Share = WHOLE  # of the pairs that are known those of others are read, and nothing is decided on them


@dataclass(frozen=True, slots=True)
class Session:
    """The parts of a watch, joined but not running."""

    plan: Plan
    known: Reference
    pairs: Mapping[str, Sequence[Pair]]  # by source: a chain's serves all its venues of pools
    sources: tuple[MarketSource, ...]
    engine: Engine
    feeds: Feeds
    view: BookView
    recorder: Recorder | None
    cache: PriceCache
    board: VenueBoardWriter
    scorer: LiveScorer  # follows the rows

    async def run(self, *beside: Coroutine[Any, Any, None]) -> None:
        """Watch until cancelled, with the given work ``beside``, then hand over what was counted and recorded."""
        plan = self.plan
        tell_of_watch(self.feeds, self.cache, plan.writer)
        plan.writer.submit("episodes_left_open", partial(close_left_open, plan.scope, plan.share))
        markets = {source: len(pairs) for source, pairs in self.pairs.items() if pairs}
        log.info("stream_started", scope=str(plan.scope), markets=markets, **self._of())
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self.engine.run(), self.feeds.run(), self.cache.run(), *self._following(), *beside):
                    group.create_task(work)
                group.create_task(self.board.run(self.feeds.statuses))
        finally:
            self.engine.finish()

    def _of(self) -> Mapping[str, Any]:
        """Return whose pairs are watched, where others watch too."""
        if self.plan.share.is_whole:
            return {}
        return {"of": str(self.plan.share), "pairs": [pair.symbol for pair in self.plan.share.own()]}

    def _following(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what keeps it up to date with rows that others write."""
        plan = self.plan
        rows: dict[str, Any] = {"scope": plan.scope, "writer": plan.writer}
        yield follow_requests(self.engine.fills.add, share=plan.share, **rows)
        yield follow_context(self.engine.learn, clock=plan.clock, **rows)
        yield follow_models(self.scorer, process=plan.process, clock=plan.clock, **rows)


def open_session(plan: Plan, known: Reference, client: "redis.asyncio.Redis") -> Session:
    """Join the parts for the venues and pairs that are known."""
    arb, clock = settings.ARB, plan.clock
    pairs = roster.pairs_by_source(arb.venues, known.pairs, shown=tuple(filter(plan.share.holds, arb.pairs)))
    max_age_ms = arb.trading.max_book_age_ms
    sources = registry.market_sources(arb.venues, clock=clock, rng=Random(), max_age_ms=max_age_ms, redis=client)
    sources = tuple(source for source in sources if pairs.get(source.venue))
    config = detect_config(known.lots, account_fees=plan.account_fees)
    read = only_read(plan.share, known.lots)
    view = BookView(known.lots, origins=roster.origins(arb.venues), pools=config.gas, only_read=read)
    recorder = _recorder(plan, known) if plan.records else None
    cache = PriceCache(client, plan.scope)
    board = VenueBoardWriter(client, plan.scope, partition=None if plan.share.is_whole else plan.share.index)
    scorer = unread_scorer(plan.scope, now_ns=clock.now_ns)
    engine = Engine(_parts(plan, config, view=view, cache=cache, recorder=recorder, score=scorer))
    feeds = Feeds(sources, pairs, engine.on_book, clock=clock, rng=Random())
    return Session(plan, known, pairs, sources, engine, feeds, view, recorder, cache, board, scorer)


def _recorder(plan: Plan, known: Reference) -> Recorder:
    arb = settings.ARB
    adapters = roster.adapters(arb.venues)
    terms = Terms(
        config=detect_config(known.lots, account_fees=plan.account_fees),
        linger_ms=arb.trading.episode_linger_ms,
        paper_delay_ms=arb.trading.paper_delay_ms,
        adapters={venue: adapters[venue] for venue in known.pairs},
    )
    return Recorder(plan.scope, process=plan.process, terms=terms, writer=plan.writer)


def _parts(
    plan: Plan, config: DetectConfig, *, view: BookView, cache: PriceCache, recorder: Recorder | None, score: Scorer
) -> Parts:
    offers = OfferSampler(every_ns=SAMPLE_EVERY_NS, max_age_ms=config.max_age_ms, max_skew_ms=config.max_skew_ms)
    return Parts(
        scope=plan.scope,
        clock=plan.clock,
        view=view,
        cache=cache,
        writer=plan.writer,
        dispatch=plan.dispatch,
        score=score,
        config=config,
        linger_ns=settings.ARB.trading.episode_linger_ms * NS_PER_MS,
        recorder=recorder,
        offers=offers,
        trades=plan.trades,
        tell=plan.tell,
    )
