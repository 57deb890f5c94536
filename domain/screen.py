"""The float pre-check: what the two best prices leave after taker fees, so that most changes cost microseconds.

It may only rule out: the first unit of a trade has the best edge of all, so what fails here by a clear margin cannot
pass exactly. Whatever comes near is reckoned again in decimals.
"""

from decimal import Decimal

from domain.costs import FeeAsset, FeeSchedule
from domain.money import to_float

MARGIN_BPS = 0.001  # far above what three float operations can lose, far below what anyone trades on


def factor_of(buy_fee: FeeSchedule, sell_fee: FeeSchedule) -> tuple[float, float]:
    """Return ``(scale, cost)`` such that the best net edge is ``scale * sell price / buy price - cost``, as a share."""
    buy, sell = to_float(buy_fee.taker_share), to_float(sell_fee.taker_share)
    if buy_fee.charged_in is FeeAsset.RECEIVED:
        return (1 - sell) * (1 - buy), 1.0
    return 1 - sell, 1 + buy


def edges_bps(ask: Decimal, bid: Decimal, factor: tuple[float, float]) -> tuple[float, float]:
    """Return the gross and the net edge of buying at ``ask`` and selling at ``bid``, in bps of what it costs to buy."""
    ratio = to_float(bid) / to_float(ask)
    scale, cost = factor
    return (ratio - 1) * 1e4, (scale * ratio - cost) * 1e4
