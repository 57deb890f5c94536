"""A market that is played from a recording: books that came at some time come again, at the same distance."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from domain.errors import BadInput
from domain.market import Book, MarketKey, Pair
from simulator.instruments import Instrument
from simulator.tape import Tape


class PlayedMarket:
    """Every market of a recording at one instant; ``advance`` moves the instant.

    ``looks`` yields (when it was seen, book) in order; the first one is played at ``start_ns``, each later one as much
    after it as it came then, divided by ``speed``. A market has no book before its first one is played.
    """

    is_played = True
    in_incident = False

    def __init__(
        self,
        looks: Iterator[tuple[int, Book]],
        instruments: Mapping[MarketKey, Instrument],
        *,
        start_ns: int,
        speed: float = 1.0,
    ) -> None:
        """Take the first book. Raises: BadInput for a speed that is none."""
        if not 0 < speed <= 10_000:
            raise BadInput(f"a speed of {speed:g} is not between 0 and 10,000")
        self.markets: tuple[MarketKey, ...] = tuple(instruments)
        self.start_ns = self.now_ns = start_ns
        self._instruments = {key.pair: instrument for key, instrument in instruments.items()}
        self._tapes = {key: Tape(one, seed=0, start_ns=start_ns) for key, one in instruments.items()}
        self._books: dict[MarketKey, Book] = {}
        self._looks = looks
        self._speed = speed
        self._next = next(looks, None)
        self._began_ns = 0 if self._next is None else self._next[0]

    @property
    def books(self) -> Mapping[MarketKey, Book]:
        """Return the present book of every market that has one."""
        return MappingProxyType(self._books)

    @property
    def is_over(self) -> bool:
        """Whether the last book was played."""
        return self._next is None

    @property
    def elapsed_s(self) -> float:
        """Return how long the recording has been played."""
        return (self.now_ns - self.start_ns) / 1e9

    def advance(self, to_ns: int) -> list[Book]:
        """Return every book that is played after the present instant and not after ``to_ns``, in order of time."""
        played: list[Book] = []
        while self._next is not None and (due_ns := self._due_ns(self._next[0])) <= to_ns:
            played.append(self._as_of(self._next[1], self._next[0], due_ns))
            self._next = next(self._looks, None)
        self.now_ns = max(self.now_ns, to_ns)
        self._books.update((MarketKey(book.venue, book.pair), book) for book in played)
        return played

    def book(self, key: MarketKey) -> Book:
        """Return the present book of ``key``. Raises: BadInput if it was not recorded, or has not come yet."""
        try:
            return self._books[key]
        except KeyError:
            raise BadInput(f"{key.pair} on {key.venue} has no book yet in what is played") from None

    def tape(self, key: MarketKey) -> Tape:
        """Return the trades and candles of ``key``: made up, for trades are not recorded. Raises: BadInput."""
        try:
            return self._tapes[key]
        except KeyError:
            raise BadInput(f"{key.pair} on {key.venue} was not recorded") from None

    def instrument(self, pair: Pair) -> Instrument:
        """Return the grids on which ``pair`` is quoted. Raises: BadInput if it was not recorded."""
        try:
            return self._instruments[pair]
        except KeyError:
            raise BadInput(f"{pair} was not recorded") from None

    def _due_ns(self, at_ns: int) -> int:
        return self.start_ns + int((at_ns - self._began_ns) / self._speed)

    def _as_of(self, book: Book, at_ns: int, due_ns: int) -> Book:
        """Return the book as it comes now: as old as it was then."""
        shift_ns = due_ns - at_ns
        return replace(book, venue_at_ns=book.venue_at_ns + shift_ns, seen_at_ns=book.seen_at_ns + shift_ns)
