"""Realised volatility: annualised log returns with gaps and drift taken out, from prices at any instants or by minute.

A return over ``dt`` counts with weight ``1 / dt``; on an even grid this is the sample standard deviation of the log
returns times the root of the periods in a year. Sums are kept in integers, so that a price which comes, goes or is
corrected leaves exactly what reckoning all over again would give.
"""

import math
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from domain.errors import BadInput, BadMarketData
from domain.money import EXACT
from domain.timestamps import NS_PER_S

_YEAR_NS = 365 * 86_400 * NS_PER_S
_MINUTE_NS = 60 * NS_PER_S
_BITS = 80  # of a log return behind the point
_ONE = 2.0**_BITS
_YEARLY = _YEAR_NS / _ONE**2
_VOLUME_DIGITS = 18


class PricePoint(NamedTuple):
    """A price at an instant (ns since the epoch)."""

    at_ns: int
    price: float


class Realised(NamedTuple):
    """What a window of prices shows: annualised volatility and total return, both as shares (0.5 is 50 %)."""

    volatility: float
    returns: float  # simple return from the first to the last price
    count: int  # type: ignore[assignment]  # log returns that entered; hides the method of tuples


_Step: TypeAlias = tuple[int, int, int]  # a log return, its square over its duration, and that in ns


def _step(before: float, after: float, duration_ns: int) -> _Step:
    """Return a log return in whole 2**-_BITS, so that adding and taking away leave nothing behind."""
    moved = int(math.log(after / before) * _ONE)
    return moved, moved * moved // duration_ns, duration_ns


def _volatility(count: int, moved: int, energy: int, elapsed_ns: int) -> float:
    spread = energy - moved * moved // elapsed_ns
    return math.sqrt(spread / (count - 1) * _YEARLY) if spread > 0 else 0.0


class RollingVolatility:
    """Volatility over a sliding window of prices at any instants, kept up to date price by price."""

    def __init__(self, *, window_ns: int) -> None:
        if window_ns <= 0:
            raise BadInput(f"a window of {window_ns} ns is impossible")
        self._window_ns = window_ns
        self._points: deque[PricePoint] = deque()
        self._steps: deque[_Step] = deque()  # from each point to the next
        self._moved = self._energy = self._elapsed_ns = 0  # their sums

    def add(self, at_ns: int, price: float) -> None:
        """Take in one price, unless a later one is there. Raises: BadMarketData (not_positive)."""
        _check(price)
        if self._points:
            last = self._points[-1]
            if at_ns <= last.at_ns:
                return
            step = _step(last.price, price, at_ns - last.at_ns)
            self._steps.append(step)
            self._count(step, 1)
        self._points.append(PricePoint(at_ns, price))
        self._forget(at_ns - self._window_ns)

    def realised(self, *, now_ns: int, min_count: int = 2) -> Realised | None:
        """Return what the window up to now shows; None with fewer than ``min_count`` (at least 2) returns."""
        self._forget(now_ns - self._window_ns)
        count = len(self._steps)
        if count < max(min_count, 2):
            return None
        volatility = _volatility(count, self._moved, self._energy, self._elapsed_ns)
        return Realised(volatility, self._points[-1].price / self._points[0].price - 1, count)

    def _forget(self, before_ns: int) -> None:
        while self._points and self._points[0].at_ns < before_ns:
            self._points.popleft()
            if self._steps:
                self._count(self._steps.popleft(), -1)

    def _count(self, step: _Step, times: int) -> None:
        moved, energy, duration_ns = step
        self._moved += times * moved
        self._energy += times * energy
        self._elapsed_ns += times * duration_ns


# Sums from the beginning until a minute, two of which bound what lies between: how many returns begin before it, what
# they moved, their energy and duration; how many minutes have a price, and a volume, up to and with it; that volume.
_Until: TypeAlias = tuple[int, int, int, int, int, int, int]
_NOTHING: _Until = (0, 0, 0, 0, 0, 0, 0)


class MinutePrices:
    """One market's prices by the minute over several windows at once, kept up to date bar by bar.

    A bar may come late, twice, or corrected. A return is that from one minute to the next one that has a price, if
    that is at most ``max_gap`` minutes later: across a longer gap nobody looked, and it is no return. Minutes are
    counted from the epoch. What a bar costs grows with how late it is, not with the windows.
    """

    def __init__(self, windows: Sequence[int], *, max_gap: int = 1) -> None:
        if not windows or min(windows) < 1 or max_gap < 1:
            raise BadInput(f"windows of {tuple(windows)} minutes with returns over at most {max_gap} are impossible")
        self._first = dict.fromkeys(windows, 0)  # of each window a minute before which it holds no price
        self._longest, self._max_gap = max(windows), max_gap
        self._bars: dict[int, tuple[float, int | None]] = {}  # price, and what was traded in 1e-18
        self._until: dict[int, _Until] = {}
        self._now: int | None = None
        self._newest = 0  # the newest minute that has a price
        self._settled = 0  # sums of later minutes are out of date

    @property
    def now(self) -> int | None:
        """Return the minute up to which the windows reach; None before the first bar."""
        return self._now

    def put(self, minute: int, price: float, volume: Decimal | None = None) -> bool:
        """Take in a minute's price and traded volume, and return whether that changed anything.

        Raises: BadMarketData (not_positive).
        """
        _check(price)
        bar = (price, None if volume is None else int(volume.scaleb(_VOLUME_DIGITS, EXACT)))
        if self._now is None:
            self._begin(minute)
        elif minute > self._now:
            self.advance(minute)
        elif minute < self._now - self._longest or self._bars.get(minute) == bar:
            return False
        else:
            self._first = {window: min(first, minute) for window, first in self._first.items()}
        self._bars[minute] = bar
        self._newest = max(self._newest, minute)
        self._settled = min(self._settled, minute - self._max_gap)
        return True

    def advance(self, minute: int) -> None:
        """Let the windows reach up to ``minute``, for which there may be no bar; never backwards."""
        if self._now is None or minute <= self._now:
            return
        if minute > self._now + self._longest:
            self._begin(minute)
            return
        self._settle()  # while what it rests on is still there
        for gone in range(self._now - self._longest - 1, minute - self._longest - 1):
            self._until.pop(gone, None)
            self._bars.pop(gone, None)
        self._now = minute

    def realised(self, window: int, *, min_count: int = 2) -> Realised | None:
        """Return what a window shows; None with fewer than ``min_count`` (at least 2) returns."""
        until, before = self._bounds(window)
        count = until[0] - before[0]
        if count < max(min_count, 2):
            return None
        volatility = _volatility(count, until[1] - before[1], until[2] - before[2], until[3] - before[3])
        first = self._first_of(window)
        return Realised(volatility, self._bars[self._newest][0] / self._bars[first][0] - 1, count)

    def known(self, window: int) -> int:
        """Return how many of the window's minutes have a price: the rest are gaps."""
        until, before = self._bounds(window)
        return until[4] - before[4]

    def volume(self, window: int, *, min_count: int = 1) -> Decimal | None:
        """Return what was traded; None where it is known for fewer than ``min_count`` of the window's minutes."""
        until, before = self._bounds(window)
        if until[5] - before[5] < max(min_count, 1):
            return None
        return Decimal(until[6] - before[6]).scaleb(-_VOLUME_DIGITS, EXACT)

    def _begin(self, minute: int) -> None:
        """Know nothing but what minute it is."""
        self._bars.clear()
        self._until.clear()
        self._first = dict.fromkeys(self._first, minute)
        self._now = minute
        self._newest = minute - self._longest - 1  # before any that can be known
        self._settled = minute - 1

    def _bounds(self, window: int) -> tuple[_Until, _Until]:
        """Return the sums until now, and until the window's beginning."""
        if self._now is None:
            return _NOTHING, _NOTHING
        if self._settled < self._now:
            self._settle()
        return self._until[self._now], self._until.get(self._now - window, _NOTHING)

    def _settle(self) -> None:
        """Bring the sums up to date."""
        assert self._now is not None  # whoever asks has seen to it
        bars, sums = self._bars, self._until
        last = sums.get(self._settled, _NOTHING)
        for minute in range(self._settled + 1, self._now + 1):
            count, moved, energy, elapsed_ns, known, traded, units = last
            if minute - 1 in bars and (step := self._step_from(minute - 1)) is not None:
                count, moved = count + 1, moved + step[0]
                energy, elapsed_ns = energy + step[1], elapsed_ns + step[2]
            if (bar := bars.get(minute)) is not None:
                known += 1
                if bar[1] is not None:
                    traded, units = traded + 1, units + bar[1]
            last = sums[minute] = (count, moved, energy, elapsed_ns, known, traded, units)
        self._settled = self._now

    def _step_from(self, minute: int) -> _Step | None:
        """Return the return that begins at a minute; None where it would end after a gap, or has not ended."""
        for later in range(minute + 1, minute + self._max_gap + 1):
            if (end := self._bars.get(later)) is not None:
                return _step(self._bars[minute][0], end[0], (later - minute) * _MINUTE_NS)
        return None

    def _first_of(self, window: int) -> int:
        """Return the oldest minute of a window that has a price; there is one."""
        assert self._now is not None  # or there were none
        first = max(self._first[window], self._now - window)
        while first not in self._bars:
            first += 1
        self._first[window] = first
        return first


def _check(price: float) -> None:
    if not (math.isfinite(price) and price > 0):
        raise BadMarketData("not_positive", f"{price} has no logarithm")
