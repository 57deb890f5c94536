"""Candles as a timeline: a decision at each minute's end on its close, a fill at the next minute's worse open.

A candle lives for its minute: one that is absent or has no volume leaves its market without a book for that minute.
Decisions are taken in the minute's last millisecond, so that a row's day and hour are those of its candle. An order
meets the minute that its delay, rounded up to whole minutes, brings it to, never the minute it was decided in: a buy
the greater, a sale the lesser, of that minute's open and the last close before it. Spread and depth are assumed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.market import Book, Level, MarketKey
from domain.money import DOWN, EXACT, ceil_to_step, floor_to_step
from domain.terms import Lot
from domain.timestamps import NS_PER_MS, NS_PER_S
from trading.services.candles import MINUTE_S, Candle, Candles
from trading.services.replay.timeline import Instant, Json, Opening, days_between

LEVELS = 5
STEP_NS = MINUTE_S * NS_PER_S


@dataclass(frozen=True, slots=True)
class BookShape:
    """The book that is assumed around a price: the first level half the spread away, each next one half a spread on.

    Each level shows a fifth of the depth; prices lie on the tick, against us.
    """

    spread_bps: Decimal
    depth_quote: Decimal  # on either side
    lot: Lot

    def around(self, market: MarketKey, *, bid: Decimal, ask: Decimal, at_ns: int, seq: int) -> Book | None:
        """Return the book whose bids are reckoned from one price and whose asks from another, not lower, one.

        None where the price is so near the tick that no bid is left above zero.
        """
        share = DOWN.divide(self.depth_quote, EXACT.multiply(ask, Decimal(LEVELS)))
        quantity = max(floor_to_step(share, self.lot.step), self.lot.step)
        bids = tuple(Level(price, quantity) for price in self._bid_prices(bid))
        asks = tuple(Level(price, quantity) for price in self._ask_prices(ask))
        if not bids:
            return None
        return Book(market.venue, market.pair, bids, asks, at_ns, at_ns, seq)

    def _bid_prices(self, price: Decimal) -> Iterator[Decimal]:
        tick, last = self.lot.tick, None
        for away in self._distances():
            found = floor_to_step(EXACT.multiply(price, EXACT.subtract(Decimal(1), away)), tick)
            last = found if last is None else min(found, EXACT.subtract(last, tick))
            if last <= 0:
                return
            yield last

    def _ask_prices(self, price: Decimal) -> Iterator[Decimal]:
        tick, last = self.lot.tick, None
        for away in self._distances():
            found = ceil_to_step(EXACT.multiply(price, EXACT.add(Decimal(1), away)), tick)
            last = found if last is None else max(found, EXACT.add(last, tick))
            yield last

    def _distances(self) -> Iterator[Decimal]:
        half = EXACT.multiply(self.spread_bps.scaleb(-4, context=EXACT), Decimal("0.5"))
        return (EXACT.multiply(half, Decimal(number)) for number in range(1, LEVELS + 1))


class CandleTimeline:
    """Every minute from the first to the last of any file, with or without trades; a position is its instant."""

    step_ns = STEP_NS

    def __init__(self, candles: Sequence[Candles], shapes: Mapping[MarketKey, BookShape], opening: Opening) -> None:
        self._candles = candles
        self._shapes = shapes
        self._opening = opening
        self._first_s = min(one.first_s for one in candles)
        self._last_s = max(one.last_s for one in candles)

    @property
    def markets(self) -> Sequence[MarketKey]:
        """Return the markets in the order of their files."""
        return [one.market for one in self._candles]

    @property
    def days(self) -> Sequence[date]:
        """Return every UTC day from the first minute to the last."""
        return days_between(self._first_s * NS_PER_S, self._last_s * NS_PER_S)

    @property
    def first_ns(self) -> int:
        """Return the end of the first minute."""
        return decision_ns(self._first_s)

    @property
    def last_ns(self) -> int:
        """Return the end of the last minute."""
        return decision_ns(self._last_s)

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        """Yield the end of every minute, or of every one after a position, which comes first, as past."""
        tapes = {one.market: _Tape(one, self._shapes[one.market]) for one in self._candles}
        from_ns, opening = self.first_ns if after is None else after, self._opening
        for minute_s in range(self._first_s, self._last_s + 1, MINUTE_S):
            at_ns = decision_ns(minute_s)
            traded = [tape for tape in tapes.values() if tape.advance_to(minute_s)]
            if at_ns < from_ns:
                continue
            books = {tape.market: book for tape in traded if (book := tape.closing_book(at_ns)) is not None}
            yield Instant(
                at_ns,
                self.markets,
                books,
                position=at_ns,
                fill_book=lambda market: tapes[market].opening_book(),
                opening=opening if at_ns == from_ns else None,
                is_past=at_ns == after,
            )


def decision_ns(minute_s: int) -> int:
    """Return the last millisecond of a minute."""
    return (minute_s + MINUTE_S) * NS_PER_S - NS_PER_MS


class _Tape:
    """One market's candles, read forward."""

    def __init__(self, candles: Candles, shape: BookShape) -> None:
        self.market = candles.market
        self._shape = shape
        self._coming = iter(candles.traded)
        self._next: Candle | None = next(self._coming, None)
        self._now: Candle | None = None
        self._close_before: Decimal | None = None

    def advance_to(self, minute_s: int) -> bool:
        """Take the minute's candle and return whether there is one."""
        if self._now is not None:
            self._close_before = self._now.close
        self._now = None
        if self._next is not None and self._next.minute_s == minute_s:
            self._now, self._next = self._next, next(self._coming, None)
        return self._now is not None

    def closing_book(self, at_ns: int) -> Book | None:
        """Return the book around this minute's close."""
        assert self._now is not None
        close = self._now.close
        return self._shape.around(self.market, bid=close, ask=close, at_ns=at_ns, seq=self._now.minute_s)

    def opening_book(self) -> Book | None:
        """Return the book around the worse of this minute's open and the close before, None where nothing traded."""
        if self._now is None:
            return None
        opened = self._now.open
        before = opened if self._close_before is None else self._close_before
        at_ns, seq = self._now.minute_s * NS_PER_S, self._now.minute_s
        return self._shape.around(self.market, bid=min(opened, before), ask=max(opened, before), at_ns=at_ns, seq=seq)
