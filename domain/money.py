"""How money is reckoned: exact where it can be, rounded against us where it cannot, and the one way to floats."""

from collections.abc import Iterable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from functools import lru_cache
from math import lcm

EXACT = Context(prec=78, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation])
_TRAPS = [InvalidOperation, DivisionByZero, Overflow, FloatOperation, Clamped]
DOWN = Context(prec=40, rounding=ROUND_FLOOR, traps=_TRAPS)
UP = Context(prec=40, rounding=ROUND_CEILING, traps=_TRAPS)

ZERO = Decimal(0)
BPS = Decimal(10_000)
COLUMN_STEP = Decimal("1e-18")  # what a money column holds
COLUMN_DIGITS = 20  # and how many before the point


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of ``step`` not above ``quantity`` (both positive): we never sell dust we lack.

    Raises: decimal.Inexact rather than lose a digit.
    """
    return EXACT.multiply(EXACT.divide_int(quantity, step), step)


def ceil_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` not below ``quantity`` (both positive)."""
    floored = floor_to_step(quantity, step)
    return floored if floored == quantity else EXACT.add(floored, step)


@lru_cache(maxsize=1024)
def common_step(one: Decimal, other: Decimal) -> Decimal:
    """Return the smallest quantity that is a multiple of both steps."""
    exponents = [int(step.as_tuple().exponent) for step in (one, other)]
    scale = min(exponents)
    first, second = (int(step.scaleb(-scale, context=EXACT)) for step in (one, other))
    return Decimal(lcm(first, second)).scaleb(scale, context=EXACT)


def quantize_down(amount: Decimal) -> Decimal:
    """Return ``amount`` on the money column's grid, rounded down: what we gain is never overstated."""
    return amount.quantize(COLUMN_STEP, context=DOWN)


def quantize_up(amount: Decimal) -> Decimal:
    """Return ``amount`` on the money column's grid, rounded up: what we pay is never understated."""
    return amount.quantize(COLUMN_STEP, context=UP)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum to the last digit, where ``sum`` would keep 28 of them."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def plain(amount: Decimal) -> str:
    """Return every digit of ``amount`` and no zero behind the last: 0.5, not 0.500000 nor 5E-1."""
    return f"{amount.normalize(EXACT):f}"


def bps_of(part: Decimal, whole: Decimal) -> Decimal:
    """Return ``part / whole`` in basis points, rounded down.

    Raises: decimal.DivisionByZero, decimal.InvalidOperation.
    """
    return DOWN.divide(EXACT.multiply(part, BPS), whole)


def from_raw(units: int, decimals: int) -> Decimal:
    """Return the amount that ``units`` of a token with so many decimals are, exactly."""
    return Decimal(units).scaleb(-decimals, context=EXACT)


def to_raw(amount: Decimal, decimals: int) -> int:
    """Return how many units of a token with so many decimals ``amount`` is, rounded down."""
    return int(amount.scaleb(decimals, context=EXACT))


def from_float(value: float) -> Decimal:
    """Return the shortest decimal that reads back as ``value``: for venues that speak in floats, once, at the edge."""
    return Decimal(repr(value))


def to_float(value: Decimal) -> float:
    """Return the nearest float: for features, scores and screens, never for money."""
    return float(value)
