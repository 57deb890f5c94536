"""Realised volatility from prices at any instants: annualised log returns, with gaps and drift taken out.

A return over ``dt`` counts with weight ``1 / dt``; on an even grid this is the sample standard deviation of the log
returns times the root of the periods in a year.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from domain.errors import BadInput, BadMarketData
from domain.timestamps import NS_PER_S

_YEAR_S = 365 * 86_400
_NO_LIMIT_NS = 2**63


class PricePoint(NamedTuple):
    """A price at an instant (ns since the epoch)."""

    at_ns: int
    price: float


@dataclass(frozen=True, slots=True)
class Realised:
    """What a window of prices shows: annualised volatility and total return, both as shares (0.5 is 50 %)."""

    volatility: float
    returns: float  # simple return from the first to the last price
    count: int  # log returns that entered


class _Step(NamedTuple):
    at_ns: int
    log_return: float
    duration_s: float


class RollingVolatility:
    """Volatility over a sliding window, kept up to date price by price.

    Points nearer than ``min_step_ns`` to the last one are passed over (a bid-ask bounce is no volatility); a return
    across more than ``max_gap_ns`` is left out (nobody traded through it).
    """

    def __init__(self, *, window_ns: int, min_step_ns: int = 0, max_gap_ns: int = _NO_LIMIT_NS) -> None:
        if window_ns <= 0 or min_step_ns < 0 or max_gap_ns <= 0:
            raise BadInput(f"a window of {window_ns} ns with steps from {min_step_ns} to {max_gap_ns} ns is impossible")
        self._window_ns, self._min_step_ns, self._max_gap_ns = window_ns, min_step_ns, max_gap_ns
        self._points: deque[PricePoint] = deque()
        self._steps: deque[_Step] = deque()

    def add(self, at_ns: int, price: float) -> None:
        """Take in one price. Raises: BadMarketData (not_positive) for a price that has no logarithm."""
        if not (math.isfinite(price) and price > 0):
            raise BadMarketData("not_positive", f"{price} has no logarithm")
        if self._points and at_ns - self._points[-1].at_ns < max(self._min_step_ns, 1):
            return
        if self._points:
            self._add_step(self._points[-1], PricePoint(at_ns, price))
        self._points.append(PricePoint(at_ns, price))
        self._forget(at_ns - self._window_ns)

    def realised(self, *, now_ns: int, min_count: int = 2) -> Realised | None:
        """Return what the window up to now shows; None with fewer than ``min_count`` (at least 2) returns."""
        self._forget(now_ns - self._window_ns)
        count = len(self._steps)
        if count < max(min_count, 2):
            return None
        elapsed_s = math.fsum(step.duration_s for step in self._steps)
        drift = math.fsum(step.log_return for step in self._steps) / elapsed_s
        spread = math.fsum((step.log_return - drift * step.duration_s) ** 2 / step.duration_s for step in self._steps)
        volatility = math.sqrt(spread / (count - 1) * _YEAR_S)
        return Realised(volatility, self._points[-1].price / self._points[0].price - 1, count)

    def _add_step(self, before: PricePoint, after: PricePoint) -> None:
        gap_ns = after.at_ns - before.at_ns
        if gap_ns <= self._max_gap_ns:
            self._steps.append(_Step(before.at_ns, math.log(after.price / before.price), gap_ns / NS_PER_S))

    def _forget(self, before_ns: int) -> None:
        while self._points and self._points[0].at_ns < before_ns:
            self._points.popleft()
        while self._steps and self._steps[0].at_ns < before_ns:
            self._steps.popleft()


def realised(
    prices: Iterable[PricePoint],
    *,
    window_ns: int,
    now_ns: int,
    min_step_ns: int = 0,
    max_gap_ns: int = _NO_LIMIT_NS,
    min_count: int = 2,
) -> Realised | None:
    """Return what the prices (oldest first) of the window up to now show; None where too few returns are left."""
    rolling = RollingVolatility(window_ns=window_ns, min_step_ns=min_step_ns, max_gap_ns=max_gap_ns)
    for point in prices:
        if point.at_ns <= now_ns:
            rolling.add(point.at_ns, point.price)
    return rolling.realised(now_ns=now_ns, min_count=min_count)
