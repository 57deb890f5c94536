"""Kraken's books as they change: WebSocket v2, every message verified by its checksum."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

import structlog

from domain.book import validate
from domain.errors import BadInput, BadMarketData
from domain.market import Book, Clock, Pair
from domain.timestamps import NS_PER_S
from trading.venues.base import FeedStatus, OnChange
from trading.venues.connection import Frame, SocketSettings, asked_in_time, keep_talking
from trading.venues.health import FeedHealth
from trading.venues.identity import KRAKEN_ORIGIN
from trading.venues.keeper import BookKeeper, KeepingRules
from trading.venues.kraken import wire
from trading.venues.kraken.depth import ask_depth
from trading.venues.ladder import LocalBook
from trading.venues.rest import RestClient, rest_client

log = structlog.get_logger(__name__)

DEPTHS = (10, 25, 100, 500, 1000)
_TRADING_STATES = ("", "online", "limit_only")


@dataclass(frozen=True, slots=True)
class KrakenFeedSettings:
    """How Kraken's market data is reached and when a book is too old. Raises: BadInput."""

    socket: SocketSettings
    rest_url: str
    max_age_ms: int
    depth: int = 25
    resync_gap_ms: int = 1000
    whole_every_s: float = 300.0  # what is lost below the levels that a checksum covers stays until a whole book
    rest_timeout_s: float = 10.0
    venue: str = wire.VENUE  # the name of this configuration of the adapter

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise BadInput(f"Kraken has no books of depth {self.depth}: choose from {', '.join(map(str, DEPTHS))}")


class KrakenFeed:
    """Kraken as a source of books."""

    def __init__(
        self, settings: KrakenFeedSettings, *, clock: Clock, rng: Random, seq: Iterator[int] | None = None
    ) -> None:
        """Number books by ``seq``, from 1 where it is not given."""
        self.venue = settings.venue
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._health = FeedHealth(self.venue, origin=KRAKEN_ORIGIN, max_age_ms=settings.max_age_ms)
        self._seq = count(1) if seq is None else seq

    @property
    def status(self) -> FeedStatus:
        """Return how the feed is doing now."""
        return self._health.status()

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Call ``on_change`` with every new sound book until cancelled."""

        def begin() -> KrakenConversation:
            return KrakenConversation(
                pairs, self._settings, health=self._health, clock=self._clock, seq=self._seq, on_change=on_change
            )

        socket = asked_in_time(self._settings.socket, max_age_ms=self._settings.max_age_ms)
        await keep_talking(socket, begin, health=self._health, clock=self._clock, rng=self._rng)

    async def snapshot(self, pairs: Sequence[Pair]) -> list[Book]:
        """Return one sound book by REST for each pair that has one. Raises: Refused, Unreachable."""
        async with rest_client(self._settings.rest_url, timeout_s=self._settings.rest_timeout_s, headers={}) as client:
            books = await asyncio.gather(*(self._read_depth(client, pair) for pair in pairs))
        return [book for book in books if book is not None]

    async def _read_depth(self, client: RestClient, pair: Pair) -> Book | None:
        depth = self._settings.depth
        try:
            found = await ask_depth(client, pair, venue=self.venue, count=depth, clock=self._clock, seq=self._seq)
            book = found.book(depth)
            validate(book)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            return None
        self._health.sound(venue_at_ns=book.venue_at_ns, seen_at_ns=book.seen_at_ns)
        return book


class KrakenConversation:
    """One connection's talk: subscribe, keep the books, verify each message, ask again for a torn book."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        settings: KrakenFeedSettings,
        *,
        health: FeedHealth,
        clock: Clock,
        seq: Iterator[int],
        on_change: OnChange,
    ) -> None:
        self._depth = settings.depth
        self._whole_every_ns = int(settings.whole_every_s * NS_PER_S)
        self._health = health
        self._clock = clock
        rules = KeepingRules(settings.depth, settings.depth, settings.max_age_ms, settings.resync_gap_ms)
        self._keeper = BookKeeper(pairs, rules, health=health, seq=seq, on_change=on_change)
        health.venue_state = ""

    def opening(self) -> Sequence[Frame]:
        """Return the subscription."""
        self._keeper.note_asked(self._clock.now_ns())
        return (wire.subscribe(self._keeper.symbols, depth=self._depth),)

    def when_quiet(self) -> Sequence[Frame]:
        """Return Kraken's own ping, which any living connection answers."""
        return (wire.ping(),)

    def confirm(self, heard_at_ns: int) -> Sequence[Frame]:
        """Hand on what is quiet as of the latest message, heartbeats included; ask for what has been so too long."""
        if self._health.venue_state not in _TRADING_STATES:
            return ()
        said = [frame for book in self._keeper.confirm(heard_at_ns) for frame in self._ask_again(book, heard_at_ns)]
        return said + self._ask_for_the_oldest(heard_at_ns)

    def _ask_for_the_oldest(self, now_ns: int) -> list[Frame]:
        """Ask for one more whole book in its turn, unless the checksum covers all of it."""
        if self._depth <= wire.CHECKSUM_LEVELS:
            return []
        book = self._keeper.longest_unasked(now_ns, every_ns=self._whole_every_ns)
        return [] if book is None else self._renewal(book)

    def _renewal(self, book: LocalBook) -> list[Frame]:
        symbols = [book.pair.symbol]
        return [wire.unsubscribe(symbols, depth=self._depth), wire.subscribe(symbols, depth=self._depth)]

    def answer(self, frame: Frame) -> Sequence[Frame]:
        """Take a message; return the requests that bring a torn book back."""
        try:
            messages = wire.parse_message(frame)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            self._keeper.doubt_quiet()  # if a book lacks what could not be read, its next checksum tells
            return ()
        said: list[Frame] = []
        for message in messages:
            if isinstance(message, wire.BookMessage):
                said += self._take_book(message)
            elif isinstance(message, wire.StatusMessage):
                self._take_status(message)
            else:
                self._take_refusal(message)
        return said

    def _take_status(self, message: wire.StatusMessage) -> None:
        log.info("venue_state", venue=self._health.venue, state=message.system)
        self._health.venue_state = message.system

    def _take_refusal(self, message: wire.SubscriptionRefused) -> None:
        self._health.trouble["subscription_refused"] += 1
        log.warning("subscription_refused", venue=self._health.venue, symbol=message.symbol, error=message.error)

    def _take_book(self, message: wire.BookMessage) -> Sequence[Frame]:
        book = self._keeper.find(message.symbol)
        if book is None:
            return ()
        seen_at_ns = self._clock.now_ns()
        if not (book.is_whole or message.is_whole):
            self._health.trouble["awaiting_snapshot"] += 1
            return self._ask_again(book, seen_at_ns)
        try:
            _update(book, message, seen_at_ns, depth=self._depth)
        except BadMarketData as torn:
            self._health.refused[torn.reason] += 1
            return self._ask_again(book, seen_at_ns)
        if self._health.venue_state in _TRADING_STATES:
            self._keeper.publish(book, seen_at_ns)
        else:
            self._health.refused["venue_not_online"] += 1
        return ()

    def _ask_again(self, book: LocalBook, now_ns: int) -> Sequence[Frame]:
        if not self._keeper.must_ask_again(book, now_ns):
            return ()
        return self._renewal(book)


def _update(book: LocalBook, message: wire.BookMessage, seen_at_ns: int, *, depth: int) -> None:
    """Apply and verify. A whole book without an instant counts as of now: it was made for our request."""
    at_ns = message.venue_at_ns if message.venue_at_ns is not None else seen_at_ns
    if message.is_whole:
        book.load(message.bids, message.asks, venue_at_ns=at_ns, depth=_depth_served(message, depth))
    else:
        book.apply(message.bids, message.asks, venue_at_ns=at_ns)
    asks = book.asks.joined_texts(wire.CHECKSUM_LEVELS)
    bids = book.bids.joined_texts(wire.CHECKSUM_LEVELS)
    if wire.checksum_of_texts(asks, bids) != message.checksum:
        raise BadMarketData("checksum", book.pair.symbol)


def _depth_served(message: wire.BookMessage, asked: int) -> int:
    """Return how deep the venue keeps the book that it sends: what it pushes out at its depth it tells nobody of.

    A whole book with as many levels on both sides as a lesser depth has is of that depth.
    """
    levels = len(message.bids)
    return levels if levels == len(message.asks) and levels in DEPTHS else asked
