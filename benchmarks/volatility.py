"""What one new minute costs against reckoning everything again with pandas, on recorded candles.

    python -m benchmarks.volatility [FILE ...] [--minutes 20000]

Both start from rows as the database hands them over (aware instants, exact decimals) and end with the same figures:
volatility and return over an hour, a day and a week, minutes known, and the day's volume. The baseline is the
project's plain reference, a full recompute with pandas. Both count the minutes whose figures agree to 1e-9.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from domain.money import to_float
from domain.timestamps import NS_PER_S, from_ns, to_ns
from domain.volatility import MinutePrices
from trading.services.candles import market_named_by, read_candles

WINDOWS = (60, 24 * 60, 7 * 24 * 60)
MINUTE_NS = 60 * NS_PER_S
MIN_RETURNS = 20
TARGET = 0.001
RECOMPUTES = 7


class Row(NamedTuple):
    """A bar as its row is read."""

    timestamp: datetime
    close: Decimal
    volume: Decimal


class Cost(NamedTuple):
    """CPU time of either way, and whether both found the same."""

    update_us: float
    recompute_us: float
    agrees: bool


Figures = tuple[float, ...]  # of each window volatility, return and minutes known, nan where unknown; the day's volume


def main() -> None:
    """Run once over every file and print; exit 1 where the target is missed or a figure differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, help="candle files; those of ARB_RECORDED_DATA where none is named"
    )
    parser.add_argument("--minutes", type=int, default=20_000, help="at most so many of each file")
    told = parser.parse_args()
    costs = [_compare(path, told.minutes) for path in told.files or _recorded()]
    share = sum(cost.update_us for cost in costs) / sum(cost.recompute_us for cost in costs)
    agree = all(cost.agrees for cost in costs)
    print(f"a minute of all {len(costs)} markets costs {share:.3%} of reckoning them anew (target {TARGET:.1%})")
    print("every figure agrees to 1e-9" if agree else "figures differ")
    raise SystemExit(share > TARGET or not agree)


def _recorded() -> list[Path]:
    folder = os.environ.get("ARB_RECORDED_DATA")
    found = sorted(Path(folder).glob("*_1m_2023-03-01_12.csv.gz")) if folder else []
    if not found:
        raise SystemExit("name candle files, or the folder that holds them in ARB_RECORDED_DATA")
    return found


def _compare(path: Path, most: int) -> Cost:
    """Print and return what one file shows."""
    rows = [
        Row(from_ns(one.minute_s * NS_PER_S), one.close, one.volume)
        for one in read_candles(path, market_named_by(path)).traded[-most:]
    ]
    update_us, latest = _updates(rows)
    recompute_us, plain = _recomputes(rows)
    differing = [both for both in zip(latest, plain, strict=True) if not _agree(*both)]
    print(f"{path.name}: {len(rows)} bars")
    print(f"  update, one bar and its figures:   {update_us:10.1f} us of CPU, {len(rows)} bars taken in")
    print(f"  full recompute with pandas:        {recompute_us:10.1f} us of CPU, {len(rows)} bars taken in each time")
    print(f"  figures that agree to 1e-9: {len(latest) - len(differing)} of {len(latest)}", *differing)
    print(f"  share: {update_us / recompute_us:.3%}")
    return Cost(update_us, recompute_us, agrees=not differing)


def _updates(rows: Sequence[Row]) -> tuple[float, Figures]:
    """Return the cost of an update in the file's second half, where every window is as full as it gets."""
    kept, half = MinutePrices(WINDOWS), len(rows) // 2
    for row in rows[:half]:
        _update(kept, row)
    began_s = time.process_time()
    for row in rows[half:]:
        latest = _update(kept, row)
    return (time.process_time() - began_s) / (len(rows) - half) * 1e6, latest


def _update(kept: MinutePrices, row: Row) -> Figures:
    kept.put(to_ns(row.timestamp) // MINUTE_NS, to_float(row.close), row.volume)
    figures: list[float] = []
    for window in WINDOWS:
        shown = kept.realised(window, min_count=MIN_RETURNS)
        figures += (math.nan, math.nan) if shown is None else (shown.volatility, shown.returns)
        figures.append(kept.known(window))
    volume = kept.volume(WINDOWS[1])
    return *figures, math.nan if volume is None else to_float(volume)


def _recomputes(rows: Sequence[Row]) -> tuple[float, Figures]:
    """Return the cost of the quickest of some recomputes: what else the machine does only ever adds to it."""
    costs = []
    for _ in range(RECOMPUTES):
        began_s = time.process_time()
        latest = tuple(_plainly(rows))
        costs.append(time.process_time() - began_s)
    return min(costs) * 1e6, latest


def _plainly(rows: Sequence[Row]) -> Iterator[float]:
    """Yield the figures of the last minute, from a frame of every bar on its grid of minutes."""
    frame = pd.DataFrame(rows, columns=list(Row._fields)).set_index("timestamp").astype(float)
    frame = frame.resample("1min").last()
    returns = np.log(frame["close"] / frame["close"].shift(1))
    for window in WINDOWS:
        rolled, prices = returns.rolling(window, min_periods=MIN_RETURNS), frame["close"]
        deviation = rolled.std() * math.sqrt(365 * 24 * 60)
        inside = prices.iloc[-window - 1 :].dropna()
        volatility = float(deviation.iloc[-1])
        yield volatility
        yield math.nan if math.isnan(volatility) else float(inside.iloc[-1] / inside.iloc[0] - 1)
        yield float(prices.rolling(window, min_periods=1).count().iloc[-1])
    yield float(frame["volume"].rolling(WINDOWS[1], min_periods=1).sum().iloc[-1])


def _agree(ours: float, plain: float) -> bool:
    return math.isclose(ours, plain, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(ours) and math.isnan(plain))


if __name__ == "__main__":
    main()
