"""Prices as pools keep them: ratios of raw units, and the swaps that lead to a price."""

import math
from fractions import Fraction

from domain.market import Side
from simulator.chain.deployment import Pool

Q96 = 2**96
_TICK_RATIO = 1.0001


def raw_price(pool: Pool, price: float) -> Fraction:
    """Return quote per base in raw units."""
    return Fraction(price) * Fraction(10**pool.quote.decimals, 10**pool.base.decimals)


def is_base_first(pool: Pool) -> bool:
    """Whether the base token is the pool's token0: the one with the lower address."""
    return int(pool.base.address, 16) < int(pool.quote.address, 16)


def sqrt_price_x96(pool: Pool, price: float) -> int:
    """Return the root of token1 per token0 as V3 keeps it."""
    raw = raw_price(pool, price)
    ratio = raw if is_base_first(pool) else 1 / raw
    return math.isqrt(ratio.numerator * Q96 * Q96 // ratio.denominator)


def price_at(pool: Pool, sqrt_x96: int) -> float:
    """Return quote per base at a root that V3 keeps."""
    ratio = Fraction(sqrt_x96 * sqrt_x96, Q96 * Q96)
    return float((ratio if is_base_first(pool) else 1 / ratio) / raw_price(pool, 1.0))


def tick_at(pool: Pool, price: float, *, spacing: int) -> int:
    """Return the usable tick next below ``price`` in the pool's own order of tokens."""
    raw = float(raw_price(pool, price))
    tick = math.log(raw if is_base_first(pool) else 1 / raw) / math.log(_TICK_RATIO)
    return math.floor(tick / spacing) * spacing


def v2_price(pool: Pool, base_reserve: int, quote_reserve: int) -> float:
    """Return quote per base of a pool with these reserves, before its fee."""
    return float(Fraction(quote_reserve, base_reserve) / raw_price(pool, 1.0))


def v2_swap_to(pool: Pool, base_reserve: int, quote_reserve: int, price: float) -> tuple[Side, int]:
    """Return the side, and the raw amount that goes in, of the swap that takes a pool to ``price``."""
    raw = raw_price(pool, price)
    product = base_reserve * quote_reserve
    if Fraction(quote_reserve, base_reserve) < raw:
        quote_after = math.isqrt(product * raw.numerator // raw.denominator)
        return Side.BUY, quote_after - quote_reserve
    base_after = math.isqrt(product * raw.denominator // raw.numerator)
    return Side.SELL, base_after - base_reserve
