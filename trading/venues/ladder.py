"""A book kept up to date level by level, either side sorted best first."""

from bisect import bisect_left
from decimal import Decimal
from typing import NamedTuple

from domain.book import FUTURE_TOLERANCE_MS
from domain.errors import BadMarketData
from domain.market import Book, Level, Pair
from domain.timestamps import NS_PER_MS


class Change(NamedTuple):
    """A level's new quantity, none where it is zero; ``text`` is what a checksum takes of it."""

    price: Decimal
    quantity: Decimal
    text: str = ""


class Ladder:
    """One side of a book: at most ``depth`` levels, best first."""

    __slots__ = ("_best", "_depth", "_is_bids", "_joined", "_keys", "_levels", "texts")

    def __init__(self, *, is_bids: bool, depth: int) -> None:
        self._is_bids = is_bids
        self._depth = depth
        self.clear()

    def clear(self) -> None:
        """Forget every level."""
        self._keys: list[Decimal] = []
        self._levels: list[Level] = []
        self.texts: list[str] = []
        self._best: tuple[Level, ...] = ()
        self._joined: str | None = None

    def load(self, changes: list[Change], *, depth: int | None = None) -> None:
        """Take a whole side, of which ``depth`` levels are kept from now on; as many as before if None.

        Raises: BadMarketData not_positive or duplicate_level.
        """
        self.clear()
        self._depth = self._depth if depth is None else depth
        for change in changes:
            if not change.quantity:
                raise BadMarketData("not_positive", f"quantity 0 at {change.price}")
            before = len(self._keys)
            self._put(change)
            if len(self._keys) == before:
                raise BadMarketData("duplicate_level", str(change.price))
        self._truncate()

    def apply(self, changes: list[Change]) -> None:
        """Take changed levels in the order given. Raises: BadMarketData not_positive."""
        if not changes:
            return
        self._best, self._joined = (), None
        for change in changes:
            self._put(change)
        self._truncate()

    def best(self, count: int) -> tuple[Level, ...]:
        """Return up to ``count`` levels, best first; the same tuple until a level changes."""
        if len(self._best) < min(count, len(self._levels)):
            self._best = tuple(self._levels[:count])
        return self._best[:count]

    def joined_texts(self, count: int) -> str:
        """Return the texts of the ``count`` best levels, joined; always asked for with one count."""
        if self._joined is None:
            self._joined = "".join(self.texts[:count])
        return self._joined

    def _put(self, change: Change) -> None:
        price, quantity, text = change
        if not price:
            raise BadMarketData("not_positive", "price 0")
        key = price.copy_negate() if self._is_bids else price
        at = bisect_left(self._keys, key)
        is_known = at < len(self._keys) and self._keys[at] == key
        if not quantity:
            if is_known:
                del self._keys[at], self._levels[at], self.texts[at]
        elif is_known:
            self._levels[at], self.texts[at] = Level(price, quantity), text
        else:
            self._keys.insert(at, key)
            self._levels.insert(at, Level(price, quantity))
            self.texts.insert(at, text)

    def _truncate(self) -> None:
        if len(self._keys) > self._depth:
            del self._keys[self._depth :], self._levels[self._depth :], self.texts[self._depth :]


class LocalBook:
    """One market's book as a stream of changes builds it; empty until a whole book has come.

    ``depth`` levels are kept on either side, ``shown`` of them handed on.
    """

    __slots__ = ("_shown", "asks", "bids", "is_whole", "pair", "venue", "venue_at_ns")

    def __init__(self, venue: str, pair: Pair, *, depth: int, shown: int) -> None:
        self._shown = shown
        self.venue = venue
        self.pair = pair
        self.bids = Ladder(is_bids=True, depth=depth)
        self.asks = Ladder(is_bids=False, depth=depth)
        self.is_whole = False
        self.venue_at_ns = 0

    def drop(self) -> None:
        """Forget everything: what follows is refused until a whole book comes."""
        self.is_whole = False
        self.bids.clear()
        self.asks.clear()
        self.venue_at_ns = 0

    def load(self, bids: list[Change], asks: list[Change], *, venue_at_ns: int, depth: int | None = None) -> None:
        """Take a whole book, kept ``depth`` levels deep from now on. Raises: BadMarketData; the book is then empty."""
        self.drop()
        try:
            self.bids.load(bids, depth=depth)
            self.asks.load(asks, depth=depth)
        except BadMarketData:
            self.drop()
            raise
        self.venue_at_ns = venue_at_ns
        self.is_whole = True

    def apply(self, bids: list[Change], asks: list[Change], *, venue_at_ns: int) -> None:
        """Take changes. Raises: BadMarketData; the book is then empty."""
        if not self.is_whole:
            raise BadMarketData("update_before_snapshot", self.pair.symbol)
        try:
            self.bids.apply(bids)
            self.asks.apply(asks)
        except BadMarketData:
            self.drop()
            raise
        self.venue_at_ns = venue_at_ns

    def sound_book(self, *, seen_at_ns: int, seq: int, max_age_ms: int) -> Book:
        """Return the book as it stands; levels are finite, positive, unique and sorted by construction.

        Raises: BadMarketData empty, crossed, locked, stale or future.
        """
        if not self.bids.texts or not self.asks.texts:
            raise BadMarketData("empty", self.pair.symbol)
        bids, asks = self.bids.best(self._shown), self.asks.best(self._shown)
        bid, ask = bids[0].price, asks[0].price
        if bid >= ask:
            raise BadMarketData("crossed" if bid > ask else "locked", f"{self.pair} bids {bid} and asks {ask}")
        age_ns = seen_at_ns - self.venue_at_ns
        if age_ns > max_age_ms * NS_PER_MS:
            raise BadMarketData("stale", f"{self.pair} is {age_ns // NS_PER_MS} ms old")
        if -age_ns > FUTURE_TOLERANCE_MS * NS_PER_MS:
            raise BadMarketData("future", f"{self.pair} is {-age_ns // NS_PER_MS} ms ahead")
        return Book(self.venue, self.pair, bids, asks, self.venue_at_ns, seen_at_ns, seq)
