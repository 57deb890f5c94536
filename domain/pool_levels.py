"""A pool read as an order book: what further slices of it cost, for whoever shows a market.

What is traded is reckoned by ``domain.amm`` alone; these levels are rounded, always against the taker.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from math import isqrt
from typing import NamedTuple

from domain.amm import PIPS, v2_amount_in, v2_amount_out
from domain.money import ZERO, from_raw

SLICES = 16
_STEPS_PER_WHOLE = 1600  # each slice moves the price by 1/1600, so that all of them move it by 100 bps
_DIGITS = 15
_DOWN, _UP = Context(prec=_DIGITS, rounding=ROUND_FLOOR), Context(prec=_DIGITS, rounding=ROUND_CEILING)


class Reserves(NamedTuple):
    """What a constant-product pool holds, in raw units, and how many decimals its tokens have."""

    base: int
    quote: int
    base_decimals: int
    quote_decimals: int
    fee_pips: int

    @property
    def fee_kept(self) -> int:
        """Return how many millionths of what goes in are swapped."""
        return PIPS - self.fee_pips


def marginal_ask(pool: Reserves) -> Decimal:
    """Return the price of the first unit bought with the pool's fee; no purchase is ever as cheap."""
    return _price(pool, pool.quote * PIPS, pool.base * pool.fee_kept, _DOWN)


def marginal_bid(pool: Reserves) -> Decimal:
    """Return the price of the first unit sold less the pool's fee; no sale ever brings as much."""
    return _price(pool, pool.quote * pool.fee_kept, pool.base * PIPS, _UP)


def ask_slices(pool: Reserves) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield average price and base of one slice after the other that could be bought, the cheapest first."""
    bought = paid = 0
    worst = ZERO
    for number in range(1, SLICES + 1):
        base = pool.base - isqrt(pool.base * pool.base * _STEPS_PER_WHOLE // (_STEPS_PER_WHOLE + number))
        if not bought < base < pool.base:
            continue
        quote = v2_amount_in(base, reserve_in=pool.quote, reserve_out=pool.base, fee_pips=pool.fee_pips)
        price = _price(pool, quote - paid, base - bought, _UP)
        if price > worst:  # in a pool of a handful of units the rounding outweighs a slice: it joins the next
            yield price, from_raw(base - bought, pool.base_decimals)
            bought, paid, worst = base, quote, price


def bid_slices(pool: Reserves) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield average price and base of one slice after the other that could be sold, the dearest first."""
    sold = received = 0
    worst: Decimal | None = None
    for number in range(1, SLICES + 1):
        kept = isqrt(pool.base * pool.base * _STEPS_PER_WHOLE // (_STEPS_PER_WHOLE - number)) - pool.base
        base = kept * PIPS // pool.fee_kept
        if base <= sold:
            continue
        quote = v2_amount_out(base, reserve_in=pool.base, reserve_out=pool.quote, fee_pips=pool.fee_pips)
        price = _price(pool, quote - received, base - sold, _DOWN)
        if price > ZERO and (worst is None or price < worst):
            yield price, from_raw(base - sold, pool.base_decimals)
            sold, received, worst = base, quote, price


def _price(pool: Reserves, quote: int, base: int, rounding: Context) -> Decimal:
    exact = rounding.divide(Decimal(quote), Decimal(base))
    return exact.scaleb(pool.base_decimals - pool.quote_decimals, context=rounding)
