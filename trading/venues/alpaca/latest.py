"""Alpaca's latest books by REST, for a first look and for whoever has no key to listen with."""

from collections.abc import Iterable, Iterator, Sequence

from domain.book import check
from domain.errors import BadMarketData
from domain.market import Book, Clock, Pair
from trading.venues.alpaca import wire
from trading.venues.health import FeedHealth
from trading.venues.rest import BadQuestion, RestClient

FEED = "us"  # Alpaca's own exchange; its feed us-1 is Kraken's data and would compare Kraken with itself


async def ask(client: RestClient, pairs: Sequence[Pair]) -> bytes:
    """Return the latest books of ``pairs`` as Alpaca writes them.

    Raises: BadQuestion where it does not serve one of them; Refused, Unreachable.
    """
    symbols = ",".join(pair.symbol for pair in pairs)
    return await client.read(f"/v1beta3/crypto/{FEED}/latest/orderbooks", {"symbols": symbols})


async def served(client: RestClient, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return those of ``pairs`` whose books Alpaca serves.

    One that it does not serve spoils the answer for all beside it, so they are found by halving. Raises: Refused,
    Unreachable.
    """
    if not pairs:
        return ()
    try:
        await ask(client, pairs)
    except BadQuestion:
        half = len(pairs) // 2
        return (*await served(client, pairs[:half]), *await served(client, pairs[half:])) if half else ()
    return tuple(pairs)


class LatestBooks:
    """Reads whole books; what cannot be read or believed is counted under its reason."""

    def __init__(self, depth: int, max_age_ms: int, *, health: FeedHealth, clock: Clock, seq: Iterator[int]) -> None:
        self._depth = depth
        self._max_age_ms = max_age_ms
        self._health = health
        self._clock = clock
        self._seq = seq

    async def read(self, client: RestClient, pairs: Sequence[Pair]) -> list[Book]:
        """Return the book of each pair that has one, seen when we asked. Raises: as ``ask``."""
        asked_at_ns = self._clock.now_ns()
        return self._parsed(await ask(client, pairs), pairs, asked_at_ns)

    def sound(self, books: Iterable[Book]) -> list[Book]:
        """Return those of ``books`` that are well formed and of now."""
        return [book for book in books if self._is_sound(book)]

    def _parsed(self, body: bytes, pairs: Sequence[Pair], asked_at_ns: int) -> list[Book]:
        try:
            answers = wire.parse_latest_books(
                body, pairs, depth=self._depth, seen_at_ns=asked_at_ns, seq=next(self._seq), venue=self._health.venue
            )
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            return []
        self._health.refused.update(answer for answer in answers.values() if isinstance(answer, str))
        return [answer for answer in answers.values() if isinstance(answer, Book)]

    def _is_sound(self, book: Book) -> bool:
        try:
            check(book, now_ns=self._clock.now_ns(), max_age_ms=self._max_age_ms)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            return False
        self._health.sound(venue_at_ns=book.venue_at_ns, seen_at_ns=book.seen_at_ns)
        return True
