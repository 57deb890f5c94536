"""Volatility on recorded candles, held against pandas: every window through the days, gaps included."""

import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.money import to_float
from domain.volatility import MinutePrices
from trading.services.candles import market_named_by, read_candles

MINUTES_A_YEAR = 365 * 24 * 60
WINDOWS = (60, 24 * 60, 7 * 24 * 60)
EVERY = 7
FILES = ("kraken_BTC-USDC_1m_2023-03-01_12.csv.gz", "binanceus_BTC-USD_1m_2023-03-01_12.csv.gz")


def recorded(name: str) -> pd.DataFrame:
    """Return the candles of a recorded file on the grid of minutes; one without a trade is a gap."""
    folder = os.environ.get("ARB_RECORDED_DATA")
    if not folder:
        pytest.skip("ARB_RECORDED_DATA is not set: there are no recorded candles")
    path = Path(folder) / name
    rows = [
        (one.minute_s // 60, to_float(one.close), one.volume)
        for one in read_candles(path, market_named_by(path)).traded
    ]
    frame = pd.DataFrame(rows, columns=["minute", "close", "volume"]).set_index("minute")
    return frame.reindex(range(frame.index[0], frame.index[-1] + 1))


def plainly(frame: pd.DataFrame, window: int) -> pd.DataFrame:
    """Return what a window shows at every seventh minute: annualised deviation, number of returns, the whole return."""
    returns = np.log(frame.close / frame.close.shift(1)).to_numpy()
    ends = range(0, len(frame), EVERY)
    held = [returns[max(0, end - window + 1) : end + 1] for end in ends]
    seen = [frame.close.iloc[max(0, end - window) : end + 1].dropna() for end in ends]
    return pd.DataFrame(
        {
            "volatility": [_deviation(found[~np.isnan(found)]) for found in held],
            "count": [np.count_nonzero(~np.isnan(found)) for found in held],
            "returns": [found.iloc[-1] / found.iloc[0] - 1 if len(found) else math.nan for found in seen],
            "known": frame.close.rolling(window, min_periods=0).count().to_numpy()[::EVERY],
        }
    )


def _deviation(returns: np.ndarray) -> float:
    return float(np.std(returns, ddof=1)) * math.sqrt(MINUTES_A_YEAR) if len(returns) > 1 else math.nan


@pytest.mark.parametrize("name", FILES)
def test_every_window_is_what_pandas_makes_of_all_its_candles(name):
    frame = recorded(name)
    expected = {window: plainly(frame, window) for window in WINDOWS}
    kept, looks = MinutePrices(WINDOWS), 0
    for place, (minute, close, volume) in enumerate(frame.itertuples()):
        if math.isnan(close):
            kept.advance(minute)
        else:
            kept.put(minute, close, volume)
        if place % EVERY == 0:
            looks += sum(_agrees(kept, expected[window].iloc[place // EVERY], window) for window in WINDOWS)
    assert looks > 3_000


def _agrees(kept: MinutePrices, plain: pd.Series, window: int) -> bool:
    assert kept.known(window) == plain["known"]
    shown = kept.realised(window)
    if shown is None:
        assert plain["count"] < 2
        return False
    assert shown.count == plain["count"]
    assert shown.volatility == pytest.approx(plain["volatility"], rel=1e-9)
    assert shown.returns == pytest.approx(plain["returns"], rel=1e-9, abs=1e-12)
    return True


@pytest.mark.parametrize("name", FILES)
def test_a_day_that_arrives_shuffled_and_twice_is_the_same_day(name):
    frame = recorded(name).iloc[: 24 * 60].dropna()
    in_order, shuffled = MinutePrices(WINDOWS), MinutePrices(WINDOWS)
    for minute, close, volume in frame.itertuples():
        in_order.put(minute, close, volume)
    for minute, close, volume in pd.concat([frame, frame]).sample(frac=1, random_state=5).itertuples():
        shuffled.put(minute, close, volume)
    for window in WINDOWS:
        assert shuffled.realised(window) == in_order.realised(window) is not None
        assert shuffled.volume(window) == in_order.volume(window) is not None
