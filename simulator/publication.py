"""What a venue makes public: its books after the faults on the script, and the changes between two of them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from domain.market import Book, Level, MarketKey, Pair
from simulator.faults import Channel, FaultBoard, FaultKind
from simulator.instruments import Instrument
from simulator.market import MarketProcess

CROSSED_BY_TICKS = 5
REMOVED = Decimal(0)


class Change(NamedTuple):
    """A book and the one that was public before it."""

    before: Book
    after: Book


class Publisher:
    """The books of one venue as its clients see them."""

    def __init__(self, venue: str, market: MarketProcess, board: FaultBoard, *, clock: Callable[[], int]) -> None:
        self.venue = venue
        self.market = market
        self.board = board
        self._clock = clock
        self._books = {key.pair: market.book(key) for key in market.markets if key.venue == venue}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return every pair listed here."""
        return tuple(self._books)

    def book(self, pair: Pair) -> Book:
        """Return the public book of ``pair``, which is listed here."""
        return self._books[pair]

    def instrument(self, pair: Pair) -> Instrument:
        """Return the grids on which ``pair``, which is listed here, is quoted."""
        return self.market.instrument(pair)

    def key(self, pair: Pair) -> MarketKey:
        """Return the name of the market of ``pair`` here."""
        return MarketKey(self.venue, pair)

    def now_ns(self) -> int:
        """Return the time by the venue's own clock, which may be off."""
        return self._clock() + self._skew_ns()

    def publish(self, books: Iterable[Book]) -> list[Change]:
        """Make ``books`` public, only the latest of each pair, and return what changed."""
        latest = {book.pair: book for book in books if book.venue == self.venue}
        if not latest or self._strike(FaultKind.STALE):
            return []
        return [self._replace(self._disfigured(book)) for book in latest.values()]

    def _replace(self, book: Book) -> Change:
        change = Change(self._books[book.pair], book)
        self._books[book.pair] = book
        return change

    def _disfigured(self, book: Book) -> Book:
        skew_ns = self._skew_ns()
        if skew_ns:
            book = replace(book, venue_at_ns=book.venue_at_ns + skew_ns)
        return _cross(book, self.instrument(book.pair).tick) if self._strike(FaultKind.CROSSED) else book

    def _skew_ns(self) -> int:
        fault = self.board.strike(FaultKind.CLOCK_SKEW, venue=self.venue, channel=Channel.BOTH)
        return int(fault.value * 1e9) if fault else 0

    def _strike(self, kind: FaultKind) -> bool:
        # every fault that changes the books themselves is felt on REST and stream alike
        return self.board.strike(kind, venue=self.venue, channel=Channel.BOTH) is not None


def changed_levels(before: tuple[Level, ...], after: tuple[Level, ...]) -> list[Level]:
    """Return the levels that turn one side of a book into another; quantity 0 removes."""
    old, new = dict(before), dict(after)
    removed = [Level(price, REMOVED) for price in old if price not in new]
    return removed + [Level(price, quantity) for price, quantity in after if old.get(price) != quantity]


def poison_price(board: FaultBoard, venue: str, channel: Channel) -> Decimal | None:
    """Return the impossible price that a fault puts among the asks now, or None."""
    if board.strike(FaultKind.NAN_PRICE, venue=venue, channel=channel):
        return Decimal("NaN")
    if board.strike(FaultKind.NEGATIVE_PRICE, venue=venue, channel=channel):
        return Decimal(-1)
    return None


def _cross(book: Book, tick: Decimal) -> Book:
    """Lift the bids until the best stands above the best ask."""
    gap = book.asks[0].price - book.bids[0].price + CROSSED_BY_TICKS * tick
    return replace(book, bids=tuple(Level(price + gap, quantity) for price, quantity in book.bids))
