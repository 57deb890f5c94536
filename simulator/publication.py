"""What a venue makes public: its books after the faults on the script, and the changes between two of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, Protocol

from domain.errors import Refused
from domain.market import Book, Level, MarketKey, Pair
from simulator.faults import Channel, FaultBoard, FaultKind
from simulator.instruments import Instrument
from simulator.tape import Tape

CROSSED_BY_TICKS = 5
REMOVED = Decimal(0)


class Market(Protocol):
    """What a venue shows of a market, simulated or played from a recording."""

    @property
    def markets(self) -> tuple[MarketKey, ...]:
        """Return every market that is listed."""

    @property
    def books(self) -> Mapping[MarketKey, Book]:
        """Return the present book of every market that has one."""

    @property
    def is_played(self) -> bool:
        """Whether the books are another's: each of them is shown, to its last digit, even if nothing is new."""

    def tape(self, key: MarketKey) -> Tape:
        """Return the trades and candles of ``key``."""

    def instrument(self, pair: Pair) -> Instrument:
        """Return the grids on which ``pair`` is quoted."""


class Change(NamedTuple):
    """A book and the one that was public before it, None where there was none yet."""

    before: Book | None
    after: Book

    @property
    def moves_the_top(self) -> bool:
        """Whether the best bid or ask is another."""
        before, after = self.before, self.after
        return before is None or (before.bids[0], before.asks[0]) != (after.bids[0], after.asks[0])


class Publisher:
    """The books of one venue as its clients see them."""

    def __init__(self, venue: str, market: Market, board: FaultBoard, *, clock: Callable[[], int]) -> None:
        self.venue = venue
        self.market = market
        self.board = board
        self._clock = clock
        self._pairs = tuple(key.pair for key in market.markets if key.venue == venue)
        self._books = {key.pair: book for key, book in market.books.items() if key.venue == venue}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return every pair listed here."""
        return self._pairs

    def has_book(self, pair: Pair) -> bool:
        """Return whether ``pair``, which is listed here, has a public book."""
        return pair in self._books

    def book(self, pair: Pair) -> Book:
        """Return the public book of ``pair``, which is listed here. Raises: Refused where it has none yet."""
        try:
            return self._books[pair]
        except KeyError:
            raise Refused(f"{pair} has no book yet") from None

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
        change = Change(self._books.get(book.pair), book)
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
    return removed + [level for level in after if not is_as_before(old.get(level.price), level.quantity)]


def is_as_before(before: Decimal | None, now: Decimal) -> bool:
    """Return whether a quantity is the one before, digit for digit."""
    return before is now or (before is not None and before.compare_total(now) == 0)


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
