"""What one swap on a constant-product pool pays or costs, exactly, and how much can be swapped until a price is met."""

from decimal import Decimal
from math import isqrt

from domain.amm import PIPS, v2_amount_in, v2_amount_out
from domain.book import Walk
from domain.market import PoolState, Side
from domain.money import COLUMN_DIGITS, COLUMN_STEP, DOWN, EXACT, UP, ZERO, from_raw, quantize_down, quantize_up, to_raw

_FINER = 9  # digits beyond a token's own unit to which the best size of all is found


def swap(pool: PoolState, side: Side, quantity: Decimal) -> Walk | None:
    """Return what buying or selling ``quantity`` base costs or brings, with the pool's fee.

    The price is the average of the whole swap, rounded against us. A part of a token's unit is not traded. None for
    more than the pool holds, for what brings nothing, and for what fits no column of money.
    """
    units = to_raw(quantity, pool.base_decimals)
    if units <= 0 or (side is Side.BUY and units >= pool.base_reserve):
        return None
    base, quote = from_raw(units, pool.base_decimals), _quote_for(pool, side, units)
    average = UP.divide(quote, base) if side is Side.BUY else DOWN.divide(quote, base)
    if max(quote.adjusted(), average.adjusted()) >= COLUMN_DIGITS:
        return None
    price = quantize_up(average) if side is Side.BUY else quantize_down(average)
    return Walk(base, quote, price) if price > ZERO else None


def is_within(limit: Decimal, swapped: Walk, side: Side) -> bool:
    """Whether a swap as a whole is no worse than ``limit`` for each unit of base: else it reverts."""
    at_limit = EXACT.multiply(limit, swapped.quantity)
    return swapped.quote <= at_limit if side is Side.BUY else swapped.quote >= at_limit


def affordable_from(pool: PoolState, max_quote: Decimal) -> Decimal:
    """Return the most base that the pool sells for ``max_quote``."""
    reserves = {"reserve_in": pool.quote_reserve, "reserve_out": pool.base_reserve, "fee_pips": pool.fee_pips}
    paid = to_raw(max_quote, pool.quote_decimals)
    units = v2_amount_out(paid, **reserves) if paid > 0 else 0
    if units and v2_amount_in(units, **reserves) > paid:  # the contract asks for one unit more than the floor
        units -= 1
    return from_raw(units, pool.base_decimals)


def coverable_from(pool: PoolState, free_quote: Decimal) -> Decimal:
    """Return for how much base an order at its average price, rounded up, can be paid from ``free_quote``."""
    rounding = EXACT.multiply(COLUMN_STEP, affordable_from(pool, free_quote))
    return affordable_from(pool, EXACT.subtract(free_quote, quantize_up(rounding)))


def bought_until(pool: PoolState, price: Decimal) -> Decimal:
    """Return how much base can be bought until the next unit costs ``price``, with the pool's fee; at least nothing.

    Source: d/dx of quote * x / ((1 - fee) * (base - x)) set to the price and solved for x.
    """
    root = _reserve_at(pool, price, (PIPS, PIPS - pool.fee_pips))
    return _finer(pool, pool.base_reserve * 10**_FINER - root)


def sold_until(pool: PoolState, price: Decimal) -> Decimal:
    """Return how much base can be sold until the next unit brings ``price``, after the pool's fee; at least nothing.

    Source: d/dx of quote * (1 - fee) * x / (base + (1 - fee) * x) set to the price and solved for x.
    """
    root = _reserve_at(pool, price, (PIPS - pool.fee_pips, PIPS))
    return _finer(pool, (root - pool.base_reserve * 10**_FINER) * PIPS // (PIPS - pool.fee_pips))


def _quote_for(pool: PoolState, side: Side, units: int) -> Decimal:
    base, quote, fee_pips = pool.base_reserve, pool.quote_reserve, pool.fee_pips
    if side is Side.BUY:
        swapped = v2_amount_in(units, reserve_in=quote, reserve_out=base, fee_pips=fee_pips)
    else:
        swapped = v2_amount_out(units, reserve_in=base, reserve_out=quote, fee_pips=fee_pips)
    return from_raw(swapped, pool.quote_decimals)


def _reserve_at(pool: PoolState, price: Decimal, fee: tuple[int, int]) -> int:
    """The base reserve, in 1e-9 units, with which the next unit would be worth ``price``."""
    of_price, per_price = price.as_integer_ratio()
    held = pool.base_reserve * pool.quote_reserve * 10**pool.base_decimals * fee[0] * per_price
    return isqrt(held * 10 ** (2 * _FINER) // (10**pool.quote_decimals * fee[1] * of_price))


def _finer(pool: PoolState, units: int) -> Decimal:
    return from_raw(max(units, 0), pool.base_decimals + _FINER)
