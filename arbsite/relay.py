"""A recording relayed: each book goes out through the venue's double and comes in through the production adapter.

Over real sockets and in lockstep: the next book is not shown before the adapter has handed this one on, and the clock
that adapters read stands at the instant at which the book was seen. What they hand on is what is replayed. A pool has
no double that shows it again: its states go on as they were recorded.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Self

from domain.errors import BadInput, Unreachable
from domain.market import Book, Market, MarketKey, Pair
from domain.secret import Secret
from simulator.accounts import ALPACA_DATA
from simulator.instruments import KRAKEN
from simulator.playback import PlayedMarket
from simulator.played import PlayedDoubles, instruments_of
from trading.services.replay.timeline import Instant, Json, Opening, Timeline
from trading.venues.alpaca.feed import CODEC_HEADERS, AlpacaFeed, AlpacaFeedSettings
from trading.venues.base import MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.kraken.feed import KrakenFeed, KrakenFeedSettings

PATIENCE_S = 10.0
LOOK_S = 0.005
NEVER_SILENT_S = 86_400.0  # the recording sets the pace, and it may have been quiet for hours


def relayed(timeline: Timeline) -> Timeline:
    """Return the same timeline with every book as the production adapters hand it on."""
    return RelayedTimeline(timeline)


class RelayedTimeline:
    """A timeline whose books went over sockets."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    @property
    def markets(self) -> Sequence[MarketKey]:
        """Return every market that was recorded."""
        return self._timeline.markets

    @property
    def days(self) -> Sequence[date]:
        """Return every UTC day that the recording touches."""
        return self._timeline.days

    @property
    def step_ns(self) -> int:
        """Return how long after the last instant the next one would have come."""
        return self._timeline.step_ns

    @property
    def first_ns(self) -> int:
        """Return when the first instant is."""
        return self._timeline.first_ns

    @property
    def last_ns(self) -> int:
        """Return when the last instant is."""
        return self._timeline.last_ns

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        """Yield every instant; venues and adapters are new with each recording.

        Raises: BadInput for candles; Unreachable if an adapter does not hand a book on.
        """
        relay: Relay | None = None
        try:
            for instant in self._timeline.instants(after):
                if instant.opening is not None:
                    if relay is not None:
                        relay.close()
                    relay = Relay(instant.opening)
                assert relay is not None, "the first instant opens"
                yield replace(instant, books=relay.pass_on_all(instant.books))
        finally:
            if relay is not None:
                relay.close()


@dataclass(slots=True)
class _Now:
    """What adapters read of the book under way: the instant it was seen, and its number."""

    at_ns: int = 0
    seq: int = 0

    def now_ns(self) -> int:
        return self.at_ns

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        return self.seq


class Relay:
    """The doubles of one recording and the adapters that listen to them; their loop runs while a book is on its way."""

    def __init__(self, opening: Opening) -> None:
        """Open the venues and wait until every adapter listens. Raises: BadInput, Unreachable."""
        if opening.config.resolution_s:
            raise BadInput("candles are not what a venue sends: only recordings of books go over sockets")
        self._now = _Now()
        self._loop = asyncio.new_event_loop()
        pools = opening.config.gas
        self._lots = {key: lot for key, lot in opening.config.lots.items() if key.venue not in pools}
        adapters = {venue: adapter for venue, adapter in opening.adapters.items() if venue not in pools}
        market = PlayedMarket(iter(()), instruments_of(self._lots), start_ns=0)
        self._doubles = PlayedDoubles(market, adapters, clock=self._now.now_ns)
        self._sources: dict[str, MarketSource] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._awaited: MarketKey | None = None
        self._came: asyncio.Future[Book] = self._loop.create_future()
        try:
            self._loop.run_until_complete(self._begin(opening))
        except BaseException:
            self.close()
            raise

    def pass_on_all(self, states: Mapping[MarketKey, Market]) -> dict[MarketKey, Market]:
        """Return every book as its adapter hands it on, and every pool as it is. Raises: Unreachable."""
        return {key: self.pass_on(state) if isinstance(state, Book) else state for key, state in states.items()}

    def pass_on(self, book: Book) -> Book:
        """Return the book as its adapter hands it on. Raises: Unreachable if it does not."""
        return self._loop.run_until_complete(self._pass_on(book))

    def close(self) -> None:
        """Close every connection and port."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._end())
            self._loop.close()

    async def _begin(self, opening: Opening) -> None:
        await self._doubles.start()
        listed: dict[str, list[Pair]] = {}
        for key in self._lots:
            listed.setdefault(key.venue, []).append(key.pair)
        for venue, pairs in listed.items():
            source = self._sources[venue] = self._source(venue, opening)
            self._tasks.append(asyncio.create_task(source.stream(pairs, self._take), name=f"relay-{venue}"))
        await self._until_all_listen()

    async def _until_all_listen(self) -> None:
        silent = list(self._sources.values())
        for _ in range(int(PATIENCE_S / LOOK_S)):
            silent = [source for source in silent if source.status.venue_state != "online"]
            if not silent:
                return
            await asyncio.sleep(LOOK_S)
        names = ", ".join(source.venue for source in silent)
        raise Unreachable(f"the adapter of {names} does not reach its double")

    async def _pass_on(self, book: Book) -> Book:
        self._now.at_ns, self._now.seq = book.seen_at_ns, book.seq
        self._awaited = MarketKey(book.venue, book.pair)
        self._came = self._loop.create_future()
        self._doubles.show(book)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._came
        except TimeoutError:
            status = self._sources[book.venue].status
            raise Unreachable(
                f"the adapter of {book.venue} did not hand on {book.pair} as seen at {book.seen_at_ns}: "
                f"refused {dict(status.refused)}, troubled {dict(status.trouble)}"
            ) from None

    def _take(self, book: Market) -> None:
        if isinstance(book, Book) and self._awaited == MarketKey(book.venue, book.pair) and not self._came.done():
            self._came.set_result(book)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._doubles.stop()

    def _source(self, venue: str, opening: Opening) -> MarketSource:
        url, max_age_ms = self._doubles.stream_url(venue), opening.config.max_age_ms
        socket = SocketSettings(url, silence_s=NEVER_SILENT_S, book_silence_s=NEVER_SILENT_S, confirms_quiet=False)
        if opening.adapters[venue] == KRAKEN:
            kraken = KrakenFeedSettings(socket, "", max_age_ms, venue=venue)
            return KrakenFeed(kraken, clock=self._now, rng=Random(0), seq=self._now)
        keys = Secret(ALPACA_DATA.key), Secret(ALPACA_DATA.secret)
        return AlpacaFeed(
            AlpacaFeedSettings(replace(socket, headers=CODEC_HEADERS), "", *keys, max_age_ms, venue=venue),
            clock=self._now,
            rng=Random(0),
            seq=self._now,
        )
