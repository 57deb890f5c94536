"""One side of a market as a taker meets it: of an order book by its levels, of a pool by its integers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from domain.book import Walk, depth_of, levels_facing, taken, total_of
from domain.costs import FeeDue, FeeSchedule, fee_on, fee_on_levels
from domain.market import Level, Market, PoolState, Side
from domain.money import COLUMN_STEP, DOWN, EXACT, ZERO, from_raw, quantize_down
from domain.pool_swaps import affordable_from, coverable_from, swap


class Taken(NamedTuple):
    """What taking a quantity gives, what fee it owes, and what that fee is worth in quote."""

    walk: Walk
    due: FeeDue
    fee_quote: Decimal


@dataclass(frozen=True, slots=True)
class BookSide:
    """The levels that an order takes from."""

    levels: Sequence[Level]
    side: Side
    fee: FeeSchedule

    def take(self, quantity: Decimal) -> Taken | None:
        """Return what exactly ``quantity`` costs or brings; None where less is shown."""
        parts = taken(self.levels, quantity, limit=None, side=self.side)
        walk = total_of(parts)
        if walk.quantity != quantity or quantity <= ZERO:
            return None
        due = fee_on_levels(self.fee, side=self.side, taken=parts)
        return Taken(walk, due, self._value_of(due, parts))

    def affordable(self, max_quote: Decimal) -> Decimal:
        """Return how much can be bought for ``max_quote``, rounded down."""
        return affordable(self.levels, max_quote)

    def coverable(self, free_quote: Decimal | None, *, paid_ratio: Decimal) -> Decimal:
        """Return for how much an order's hold can be paid from ``free_quote``; all that is shown where that is None."""
        depth = depth_of(self.levels)
        if free_quote is None:
            return depth
        rounding = EXACT.multiply(COLUMN_STEP, Decimal(len(self.levels)))  # each fill's fee is rounded up
        left = max(EXACT.subtract(free_quote, rounding), ZERO)
        return min(depth, coverable(self.levels, left, paid_ratio=paid_ratio))

    def needed(self, quantity: Decimal) -> Decimal:
        """Return what a venue sets aside in quote for a buy of ``quantity``."""
        return quote_needed(self.levels, quantity, self.fee)

    def due(self, quantity: Decimal) -> FeeDue:
        """Return what fee ``quantity`` owes, or as much of it as is shown."""
        parts = taken(self.levels, quantity, limit=None, side=self.side)
        return fee_on_levels(self.fee, side=self.side, taken=parts)

    def _value_of(self, due: FeeDue, parts: Iterable[Level]) -> Decimal:
        if not due.asset_is_base:
            return due.amount
        value = ZERO
        for level in parts:
            fee = fee_on_levels(self.fee, side=self.side, taken=(level,)).amount
            value = EXACT.fma(fee, level.price, value)
        return value


@dataclass(frozen=True, slots=True)
class PoolSide:
    """A pool that an order swaps with; the pool's own fee is inside what it pays."""

    pool: PoolState
    side: Side
    fee: FeeSchedule

    def take(self, quantity: Decimal) -> Taken | None:
        """Return what exactly ``quantity`` costs or brings; None where the pool holds less."""
        walk = swap(self.pool, self.side, quantity)
        if walk is None or walk.quantity != quantity:
            return None
        due = fee_on(self.fee, side=self.side, quantity=walk.quantity, quote=walk.quote)
        return Taken(walk, due, due.amount)

    def affordable(self, max_quote: Decimal) -> Decimal:
        """Return how much the pool sells for ``max_quote``, rounded down."""
        return affordable_from(self.pool, max_quote)

    def coverable(self, free_quote: Decimal | None, *, paid_ratio: Decimal) -> Decimal:
        """Return for how much a swap's limit can be paid from ``free_quote``; all the pool holds where that is None."""
        if free_quote is None:
            return from_raw(self.pool.base_reserve - 1, self.pool.base_decimals)
        return coverable_from(self.pool, DOWN.divide(free_quote, paid_ratio))

    def needed(self, quantity: Decimal) -> Decimal:
        """Return what a swap may cost at its limit."""
        walk = swap(self.pool, self.side, quantity)
        return ZERO if walk is None else EXACT.multiply(walk.worst_price, walk.quantity)

    def due(self, quantity: Decimal) -> FeeDue:
        """Return what fee ``quantity`` owes beside the pool's own."""
        walk = swap(self.pool, self.side, quantity)
        quote = ZERO if walk is None else walk.quote
        return fee_on(self.fee, side=self.side, quantity=quantity, quote=quote)


MarketSide: TypeAlias = BookSide | PoolSide


def side_of(market: Market, side: Side, fee: FeeSchedule) -> MarketSide:
    """Return what an order on ``side`` meets in a market."""
    if isinstance(market, PoolState):
        return PoolSide(market, side, fee)
    return BookSide(levels_facing(market, side), side, fee)


def affordable(asks: Sequence[Level], max_quote: Decimal) -> Decimal:
    """Return how much of ``asks`` can be bought for ``max_quote``, rounded down."""
    total, left = ZERO, max_quote
    for price, quantity in asks:
        cost = EXACT.multiply(price, quantity)
        if cost > left:
            return EXACT.add(total, quantize_down(DOWN.divide(left, price)))
        total, left = EXACT.add(total, quantity), EXACT.subtract(left, cost)
    return total


def coverable(asks: Iterable[Level], free_quote: Decimal, *, paid_ratio: Decimal) -> Decimal:
    """Return for how much of ``asks`` an order can be paid if all of it traded at its worst price, rounded down."""
    total = ZERO
    for price, quantity in asks:
        most = quantize_down(DOWN.divide(free_quote, EXACT.multiply(price, paid_ratio)))
        if most < EXACT.add(total, quantity):
            return max(total, most)
        total = EXACT.add(total, quantity)
    return total


def quote_needed(asks: Sequence[Level], quantity: Decimal, fee: FeeSchedule) -> Decimal:
    """Return what a venue sets aside for a buy: all of it at the worst price it takes, with the fee of each fill."""
    levels = taken(asks, quantity, limit=None, side=Side.BUY)
    at_worst = [Level(levels[-1].price, part) for _, part in levels]
    due = fee_on_levels(fee, side=Side.BUY, taken=at_worst)
    quote = total_of(at_worst).quote
    return quote if due.asset_is_base else EXACT.add(quote, due.amount)
