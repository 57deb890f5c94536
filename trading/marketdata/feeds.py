"""All market sources side by side in one event loop, each started again if it fails."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import structlog

from domain.errors import BadMarketData, Refused
from domain.market import Clock, Market, Pair
from domain.timestamps import NS_PER_MS
from trading.venues.base import FeedStatus, MarketSource, OnChange
from trading.venues.connection import Backoff

log = structlog.get_logger(__name__)

FIRST_RESTART_S = 1.0
LONGEST_RESTART_S = 60.0


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """How one venue's data is doing; the age is of its latest sound book, None before the first."""

    feed: FeedStatus
    age_ms: int | None
    refused_later: Mapping[str, int]  # sound by itself, but not beside what was there before
    restarts: int
    last_error: str
    now_ns: int = 0  # the instant of which all this is told

    @property
    def is_connected(self) -> bool:
        """Whether the feed's connection stands."""
        return self.feed.connected_at_ns is not None


class Feeds:
    """Runs every source and hands each sound book to ``on_change``, which may still refuse it as BadMarketData."""

    def __init__(
        self,
        sources: Sequence[MarketSource],
        pairs: Mapping[str, Sequence[Pair]],
        on_change: OnChange,
        *,
        clock: Clock,
        rng: Random,
        first_restart_s: float = FIRST_RESTART_S,
    ) -> None:
        self._sources = tuple(sources)
        self._pairs = pairs
        self._on_change = on_change
        self._clock = clock
        self._rng = rng
        self._first_restart_s = first_restart_s
        self._restarts = {source.venue: 0 for source in self._sources}
        self._errors = {source.venue: "" for source in self._sources}
        self._refused = {source.venue: Counter[str]() for source in self._sources}
        self.latest: tuple[VenueStatus, ...] = ()  # as last asked for: whole, from whatever thread it is read

    async def run(self) -> None:
        """Stream from every source until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._keep_running(source), name=f"feed-{source.venue}")

    def statuses(self) -> tuple[VenueStatus, ...]:
        """Return how each venue is doing now; for the thread of the loop, in which feeds count."""
        self.latest = tuple(self._status(source) for source in self._sources)
        return self.latest

    def _status(self, source: MarketSource) -> VenueStatus:
        feed = source.status
        now_ns = self._clock.now_ns()
        age_ms = None if feed.book_at_ns is None else (now_ns - feed.book_at_ns) // NS_PER_MS
        venue = source.venue
        refused = dict(self._refused[venue])
        return VenueStatus(feed, age_ms, refused, self._restarts[venue], self._errors[venue], now_ns)

    async def _keep_running(self, source: MarketSource) -> None:
        backoff = Backoff(self._rng, first_s=self._first_restart_s, longest_s=LONGEST_RESTART_S)
        while True:
            books_before = source.status.books
            try:
                await source.stream(self._pairs[source.venue], partial(self._take, source.venue))
            except Refused as refused:
                self._note(source.venue, str(refused))
                log.error("feed_refused", venue=source.venue, error=str(refused))
            except Exception as crash:  # the outermost frame of this feed: one venue's fault stops no other
                self._note(source.venue, f"{type(crash).__name__}: {crash}")
                log.exception("feed_crashed", venue=source.venue)
            if source.status.books > books_before:
                backoff.reset()
            self._restarts[source.venue] += 1
            await asyncio.sleep(backoff.next_s())

    def _take(self, source: str, market: Market) -> None:
        """Hand a market on; what it is refused for counts against its source, which may tell of several venues."""
        try:
            self._on_change(market)
        except BadMarketData as bad:
            self._refused[source][bad.reason] += 1

    def _note(self, venue: str, error: str) -> None:
        self._errors[venue] = error[:300]
