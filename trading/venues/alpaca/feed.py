"""Alpaca's crypto books as they change: one socket per key, a msgpack stream of its own exchange."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Never

import structlog

from domain.errors import BadInput, BadMarketData, Refused, Unreachable
from domain.market import Book, Clock, Pair
from domain.secret import Secret
from domain.timestamps import NS_PER_S
from trading.venues.alpaca import wire
from trading.venues.alpaca.latest import FEED, LatestBooks
from trading.venues.base import FeedStatus, OnChange
from trading.venues.connection import Frame, SocketSettings, asked_in_time, keep_talking
from trading.venues.health import FeedHealth
from trading.venues.identity import ALPACA_ORIGIN
from trading.venues.keeper import BookKeeper, KeepingRules
from trading.venues.ladder import LocalBook
from trading.venues.rest import rest_client

log = structlog.get_logger(__name__)

LEVELS_KEPT = 5000  # the stream never sends again a level that we forgot
CODEC_HEADERS = {"Content-Type": "application/msgpack"}
_TRANSIENT = {404: "auth_timeout", 406: "connection_limit", 407: "slow_client", 500: "venue_error"}
_SUSPECT = frozenset({"crossed", "locked", "empty"})  # no checksum tells a torn book from an odd one: ask again


@dataclass(frozen=True, slots=True)
class AlpacaFeedSettings:
    """How Alpaca's market data is reached and when a book is too old. Raises: BadInput."""

    socket: SocketSettings
    data_url: str
    key: Secret
    secret: Secret
    max_age_ms: int
    depth: int = 25
    resync_gap_ms: int = 1000
    whole_every_s: float = 60.0  # the stream has neither sequence nor checksum: a lost change stays until a whole book
    rest_timeout_s: float = 10.0
    venue: str = wire.VENUE  # the name of this configuration of the adapter

    def __post_init__(self) -> None:
        if not self.socket.url.rstrip("/").endswith(f"/crypto/{FEED}"):
            raise BadInput(f"Alpaca's stream address {self.socket.url} must end in /crypto/{FEED}, its own exchange")


class AlpacaFeed:
    """Alpaca as a source of books."""

    def __init__(
        self, settings: AlpacaFeedSettings, *, clock: Clock, rng: Random, seq: Iterator[int] | None = None
    ) -> None:
        """Number books by ``seq``, from 1 where it is not given."""
        self.venue = settings.venue
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._health = FeedHealth(self.venue, origin=ALPACA_ORIGIN, max_age_ms=settings.max_age_ms)
        self._seq = count(1) if seq is None else seq

    @property
    def status(self) -> FeedStatus:
        """Return how the feed is doing now."""
        return self._health.status()

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Call ``on_change`` with every new sound book until cancelled. Raises: Refused for keys or symbols."""

        def begin() -> AlpacaConversation:
            return AlpacaConversation(
                pairs, self._settings, health=self._health, clock=self._clock, seq=self._seq, on_change=on_change
            )

        socket = asked_in_time(self._settings.socket, max_age_ms=self._settings.max_age_ms)
        await keep_talking(socket, begin, health=self._health, clock=self._clock, rng=self._rng)

    async def snapshot(self, pairs: Sequence[Pair]) -> list[Book]:
        """Return one sound book by REST for each pair that has one. Raises: Refused, Unreachable."""
        settings = self._settings
        headers = {"APCA-API-KEY-ID": settings.key.reveal(), "APCA-API-SECRET-KEY": settings.secret.reveal()}
        latest = LatestBooks(settings.depth, settings.max_age_ms, health=self._health, clock=self._clock, seq=self._seq)
        async with rest_client(settings.data_url, timeout_s=settings.rest_timeout_s, headers=headers) as client:
            return latest.sound(await latest.read(client, pairs))


class AlpacaConversation:
    """One connection's talk: prove who we are, subscribe, keep the books, ask again for a torn book."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        settings: AlpacaFeedSettings,
        *,
        health: FeedHealth,
        clock: Clock,
        seq: Iterator[int],
        on_change: OnChange,
    ) -> None:
        self._settings = settings
        self._health = health
        self._clock = clock
        rules = KeepingRules(LEVELS_KEPT, settings.depth, settings.max_age_ms, settings.resync_gap_ms)
        self._keeper = BookKeeper(pairs, rules, health=health, seq=seq, on_change=on_change)
        health.venue_state = "connecting"

    def opening(self) -> Sequence[Frame]:
        """Return nothing: Alpaca speaks first."""
        return ()

    def when_quiet(self) -> Sequence[Frame]:
        """Return a subscription that stands already: the stream answers with all that do, and has no other question."""
        return (wire.subscribe(self._keeper.symbols[:1]),) if self._is_online else ()

    def confirm(self, heard_at_ns: int) -> Sequence[Frame]:
        """Hand on what is quiet as of the latest message; ask for what has been so for too long."""
        if not self._is_online:
            return ()
        said = [frame for book in self._keeper.confirm(heard_at_ns) for frame in self._ask_again(book, heard_at_ns)]
        return said + self._ask_for_the_oldest(heard_at_ns)

    def _ask_for_the_oldest(self, now_ns: int) -> list[Frame]:
        """Ask for one more whole book in its turn; what we have of it goes on until it comes."""
        book = self._keeper.longest_unasked(now_ns, every_ns=int(self._settings.whole_every_s * NS_PER_S))
        return [] if book is None else _renewal(book)

    def answer(self, frame: Frame) -> Sequence[Frame]:
        """Take a frame; return what it asks for. Raises: Refused, Unreachable for an error of the stream."""
        try:
            messages = wire.parse_frame(frame)
        except BadMarketData as bad:
            messages = [wire.Torn("", bad.reason)]
        said: list[Frame] = []
        for message in messages:
            if isinstance(message, wire.BookMessage):
                said += self._take_book(message)
            elif isinstance(message, wire.Torn):
                said += self._take_torn(message)
            else:
                said += self._take_control(message)
        return said

    @property
    def _is_online(self) -> bool:
        return self._health.venue_state == "online"

    def _take_control(self, message: wire.Said | wire.Subscribed | wire.StreamError) -> Sequence[Frame]:
        if isinstance(message, wire.StreamError):
            raise_for_stream_error(message)
        if isinstance(message, wire.Subscribed):
            self._take_subscribed(message)
            return ()
        self._health.venue_state = message.what
        if message.what == "connected":
            return (wire.authenticate(self._settings.key.reveal(), self._settings.secret.reveal()),)
        if message.what == "authenticated":
            self._keeper.note_asked(self._clock.now_ns())
            return (wire.subscribe(self._keeper.symbols),)
        return ()

    def _take_subscribed(self, message: wire.Subscribed) -> None:
        missing = sorted(set(self._keeper.symbols) - set(message.symbols))
        if missing and self._health.venue_state != "online":  # later ones answer our asking again
            self._health.trouble["subscription_refused"] += 1
            log.warning("subscription_refused", venue=self._health.venue, symbols=missing)
        self._health.venue_state = "online"

    def _take_torn(self, torn: wire.Torn) -> Sequence[Frame]:
        """A message is lost: without sequence or checksum, every book that it may have been for is torn."""
        self._health.refused[torn.reason] += 1
        symbols = [torn.symbol] if torn.symbol in self._keeper.symbols else self._keeper.symbols
        books = [book for symbol in symbols if (book := self._keeper.find(symbol)) is not None]
        now_ns = self._clock.now_ns()
        return [frame for book in books for frame in self._ask_again(book, now_ns)]

    def _take_book(self, message: wire.BookMessage) -> Sequence[Frame]:
        book = self._keeper.find(message.symbol)
        if book is None:
            return ()
        seen_at_ns = self._clock.now_ns()
        if not (book.is_whole or message.is_whole):
            self._health.trouble["awaiting_snapshot"] += 1
            return self._ask_again(book, seen_at_ns)
        try:
            _update(book, message)
        except BadMarketData as torn:
            self._health.refused[torn.reason] += 1
            return self._ask_again(book, seen_at_ns)
        is_suspect = self._keeper.publish(book, seen_at_ns) in _SUSPECT
        return self._ask_again(book, seen_at_ns) if is_suspect else ()

    def _ask_again(self, book: LocalBook, now_ns: int) -> Sequence[Frame]:
        if not self._keeper.must_ask_again(book, now_ns):
            return ()
        return _renewal(book)


def _renewal(book: LocalBook) -> list[Frame]:
    symbols = [book.pair.symbol]
    return [wire.unsubscribe(symbols), wire.subscribe(symbols)]


def raise_for_stream_error(error: wire.StreamError) -> Never:
    """Raise Unreachable for what passes by itself, Refused for what a person must mend."""
    if error.code in _TRANSIENT:
        raise Unreachable(_TRANSIENT[error.code])
    raise Refused(f"Alpaca's stream says {error.code} {error.text}")


def _update(book: LocalBook, message: wire.BookMessage) -> None:
    if message.is_whole:
        book.load(message.bids, message.asks, venue_at_ns=message.venue_at_ns)
        return
    if message.venue_at_ns < book.venue_at_ns:
        raise BadMarketData("out_of_order", message.symbol)
    book.apply(message.bids, message.asks, venue_at_ns=message.venue_at_ns)
