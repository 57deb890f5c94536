"""Realised volatility: annualised log returns with gaps and drift taken out, from prices at any instants or by minute.

A return over ``dt`` counts with weight ``1 / dt``; on an even grid this is the sample standard deviation of the log
returns times the root of the periods in a year. Sums are kept in integers, so that a price which comes, goes or is
corrected leaves exactly what reckoning all over again would give.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.errors import BadInput, BadMarketData
from domain.timestamps import NS_PER_S

_YEAR_NS = 365 * 86_400 * NS_PER_S
_MINUTE_NS = 60 * NS_PER_S
_NO_LIMIT_NS = 2**63
_BITS = 80  # of a log return behind the point
_VOLUME_DIGITS = 18


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
    """A log return: exact, so that adding and taking away leave nothing behind."""

    moved: int  # the log return, in 2**-_BITS
    energy: int  # its square over its duration, in 2**-(2 * _BITS) / ns
    duration_ns: int


def _step(before: float, after: float, duration_ns: int) -> _Step:
    moved = int(math.ldexp(math.log(after / before), _BITS))
    return _Step(moved, moved * moved // duration_ns, duration_ns)


class _Sums:
    """The sums over some returns that their volatility follows from."""

    __slots__ = ("count", "elapsed_ns", "energy", "moved")

    def __init__(self) -> None:
        self.count = self.moved = self.energy = self.elapsed_ns = 0

    def add(self, step: _Step) -> None:
        moved, energy, duration_ns = step
        self.count += 1
        self.moved += moved
        self.energy += energy
        self.elapsed_ns += duration_ns

    def drop(self, step: _Step) -> None:
        moved, energy, duration_ns = step
        self.count -= 1
        self.moved -= moved
        self.energy -= energy
        self.elapsed_ns -= duration_ns

    def volatility(self) -> float:
        """Return the annualised volatility of at least two returns."""
        spread = max(self.energy - self.moved * self.moved // self.elapsed_ns, 0)
        return math.sqrt(math.ldexp(spread, -2 * _BITS) / (self.count - 1) * _YEAR_NS)


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
        self._steps: deque[tuple[int, _Step]] = deque()  # each with the instant that it began at
        self._sums = _Sums()

    def add(self, at_ns: int, price: float) -> None:
        """Take in one price. Raises: BadMarketData (not_positive) for a price that has no logarithm."""
        _check(price)
        if self._points and at_ns - self._points[-1].at_ns < max(self._min_step_ns, 1):
            return
        if self._points:
            self._add_step(self._points[-1], PricePoint(at_ns, price))
        self._points.append(PricePoint(at_ns, price))
        self._forget(at_ns - self._window_ns)

    def realised(self, *, now_ns: int, min_count: int = 2) -> Realised | None:
        """Return what the window up to now shows; None with fewer than ``min_count`` (at least 2) returns."""
        self._forget(now_ns - self._window_ns)
        count = self._sums.count
        if count < max(min_count, 2):
            return None
        return Realised(self._sums.volatility(), self._points[-1].price / self._points[0].price - 1, count)

    def _add_step(self, before: PricePoint, after: PricePoint) -> None:
        gap_ns = after.at_ns - before.at_ns
        if gap_ns <= self._max_gap_ns:
            step = _step(before.price, after.price, gap_ns)
            self._sums.add(step)
            self._steps.append((before.at_ns, step))

    def _forget(self, before_ns: int) -> None:
        while self._points and self._points[0].at_ns < before_ns:
            self._points.popleft()
        while self._steps and self._steps[0][0] < before_ns:
            self._sums.drop(self._steps.popleft()[1])


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


class _Bar(NamedTuple):
    price: float
    units: int | None  # what was traded, in 1e-18


class _Window(_Sums):
    """One look-back of ``MinutePrices``: its sums over the minutes from ``now - length`` to now."""

    __slots__ = ("first", "known", "length", "traded", "units")

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.first = 0  # the oldest minute that has a price, where any has
        self.known = self.traded = self.units = 0  # minutes with a price, with a volume, and that volume

    def enter(self, bar: _Bar) -> None:
        self.known += 1
        if bar.units is not None:
            self.traded += 1
            self.units += bar.units

    def leave(self, bar: _Bar) -> None:
        self.known -= 1
        if bar.units is not None:
            self.traded -= 1
            self.units -= bar.units


class MinutePrices:
    """One market's prices by the minute over several windows at once, kept up to date bar by bar.

    A bar may come late, twice, or corrected. A return is that from one minute to the next one that has a price, if
    that is at most ``max_gap`` minutes later: across a longer gap nobody looked, and it is no return. Minutes are
    counted from the epoch. What a new bar costs does not grow with the windows.
    """

    def __init__(self, windows: Sequence[int], *, max_gap: int = 1) -> None:
        if not windows or min(windows) < 1 or max_gap < 1:
            raise BadInput(f"windows of {tuple(windows)} minutes with returns over at most {max_gap} are impossible")
        self._windows = {length: _Window(length) for length in windows}
        self._longest, self._max_gap = max(windows), max_gap
        self._bars: dict[int, _Bar] = {}
        self._steps: dict[int, _Step] = {}  # by the minute that they begin at
        self._now: int | None = None
        self._newest = 0  # the newest minute that has a price

    @property
    def now(self) -> int | None:
        """Return the minute up to which the windows reach; None before the first bar."""
        return self._now

    def put(self, minute: int, price: float, volume: Decimal | None = None) -> bool:
        """Take in a minute's price and traded volume, and return whether that changed anything.

        Raises: BadMarketData (not_positive).
        """
        _check(price)
        bar = _Bar(price, None if volume is None else int(volume.scaleb(_VOLUME_DIGITS)))
        if self._now is None:
            self._begin(minute)
        elif minute > self._now:
            self.advance(minute)
        elif minute < self._now - self._longest or self._bars.get(minute) == bar:
            return False
        self._newest = max(self._newest, minute)
        self._enter(minute, bar)
        self._join(minute)
        return True

    def advance(self, minute: int) -> None:
        """Let the windows reach up to ``minute``, for which there may be no bar; never backwards."""
        if self._now is None:
            return
        if minute > self._now + self._longest:
            self._begin(minute)
        while self._now < minute:
            self._now += 1
            self._turn(self._now)

    def realised(self, window: int, *, min_count: int = 2) -> Realised | None:
        """Return what a window shows; None with fewer than ``min_count`` (at least 2) returns."""
        kept = self._windows[window]
        if kept.count < max(min_count, 2):
            return None
        returns = self._bars[self._newest].price / self._bars[kept.first].price - 1
        return Realised(kept.volatility(), returns, kept.count)

    def known(self, window: int) -> int:
        """Return how many of the window's minutes have a price: the rest are gaps."""
        return self._windows[window].known

    def volume(self, window: int, *, min_count: int = 1) -> Decimal | None:
        """Return what was traded; None where it is known for fewer than ``min_count`` of the window's minutes."""
        kept = self._windows[window]
        return Decimal(kept.units).scaleb(-_VOLUME_DIGITS) if kept.traded >= max(min_count, 1) else None

    def _begin(self, minute: int) -> None:
        """Know nothing but what minute it is."""
        self._windows = {length: _Window(length) for length in self._windows}
        self._bars.clear()
        self._steps.clear()
        for window in self._windows.values():
            window.first = minute
        self._now = minute
        self._newest = minute - self._longest - 1  # before any that can be known

    def _turn(self, now: int) -> None:
        """Let go of what lies outside the windows, now that they have moved on by a minute."""
        bars, steps = self._bars, self._steps
        for window in self._windows.values():
            oldest = now - window.length
            if (step := steps.get(oldest - 1)) is not None:
                window.drop(step)
            if (bar := bars.get(oldest)) is not None:
                window.leave(bar)
            while window.first < oldest or (window.first < self._newest and window.first not in bars):
                window.first += 1
        bars.pop(now - self._longest - 1, None)
        steps.pop(now - self._longest - 1, None)

    def _enter(self, minute: int, bar: _Bar) -> None:
        """Put a bar in its place, or in the place of the one that was there."""
        assert self._now is not None  # put saw to it
        before = self._bars.get(minute)
        self._bars[minute] = bar
        for window in self._windows.values():
            oldest = self._now - window.length
            if oldest <= minute and (minute < window.first or window.first not in self._bars):
                window.first = minute
            if oldest < minute:
                if before is not None:
                    window.leave(before)
                window.enter(bar)

    def _join(self, minute: int) -> None:
        """Reckon the returns into a minute and out of it anew."""
        earlier, later = self._neighbour(minute, -1), self._neighbour(minute, 1)
        if earlier is not None:
            self._link(earlier, minute)
        if later is not None:
            self._link(minute, later)

    def _link(self, start: int, end: int) -> None:
        """Make the step that begins at ``start`` end at ``end``."""
        assert self._now is not None  # put saw to it
        bars, before = self._bars, self._steps.get(start)
        step = self._steps[start] = _step(bars[start].price, bars[end].price, (end - start) * _MINUTE_NS)
        for window in self._windows.values():
            if start >= self._now - window.length:
                if before is not None:
                    window.drop(before)
                window.add(step)

    def _neighbour(self, minute: int, direction: int) -> int | None:
        """Return the nearest minute with a price, as far as a return may reach."""
        bars = self._bars
        if direction > 0 and minute >= self._newest:
            return None
        for distance in range(1, self._max_gap + 1):
            if minute + direction * distance in bars:
                return minute + direction * distance
        return None


def _check(price: float) -> None:
    if not (math.isfinite(price) and price > 0):
        raise BadMarketData("not_positive", f"{price} has no logarithm")
