"""Realised volatility: the textbook figure on an even grid, and sense where there are gaps."""

import math
import random
import statistics
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, BadMarketData
from domain.volatility import MinutePrices, PricePoint, Realised, RollingVolatility

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
MINUTES_A_YEAR = 365 * 24 * 60


def minutes(*prices: float) -> list[PricePoint]:
    """Return one price a minute."""
    return [PricePoint(number * MINUTE_NS, price) for number, price in enumerate(prices)]


def rolled(points: list[PricePoint], *, window_ns: int = HOUR_NS) -> RollingVolatility:
    """Return a window that took in these points."""
    rolling = RollingVolatility(window_ns=window_ns)
    for point in points:
        rolling.add(*point)
    return rolling


def over_an_hour(points: list[PricePoint], **options: int) -> Realised | None:
    """Return what the last hour shows at the last point."""
    return rolled(points).realised(now_ns=points[-1].at_ns, **options)


@given(prices=st.lists(st.floats(1, 1000), min_size=3, max_size=50))
def test_on_an_even_grid_it_is_the_annualised_deviation_of_log_returns(prices):
    returns = [math.log(after / before) for before, after in pairwise(prices)]
    expected = statistics.stdev(returns) * math.sqrt(MINUTES_A_YEAR)
    assert over_an_hour(minutes(*prices)).volatility == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_price_that_does_not_move_has_none():
    shown = over_an_hour(minutes(100, 100, 100))
    assert (shown.volatility, shown.returns, shown.count) == (0, 0, 2)


def test_the_return_is_from_the_first_price_of_the_window_to_the_last():
    assert over_an_hour(minutes(100, 90, 110)).returns == pytest.approx(0.1)


def test_what_is_older_than_the_window_is_forgotten():
    points = [PricePoint(0, 1.0), *(PricePoint(2 * HOUR_NS + at, price) for at, price in minutes(100, 101, 100))]
    shown = over_an_hour(points)
    assert (shown.count, shown.returns) == (2, 0)


def test_a_window_that_nothing_entered_lately_is_empty():
    assert rolled(minutes(100, 101, 100)).realised(now_ns=3 * HOUR_NS) is None


def test_too_few_returns_say_nothing():
    assert over_an_hour(minutes(100, 101)) is None
    assert over_an_hour(minutes(100, 101, 102, 103), min_count=4) is None


def test_prices_out_of_order_are_passed_over():
    assert over_an_hour([*minutes(100, 101, 100), PricePoint(0, 7.0), PricePoint(3 * MINUTE_NS, 100.0)]).count == 3


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_without_a_logarithm_is_refused(price):
    with pytest.raises(BadMarketData):
        RollingVolatility(window_ns=HOUR_NS).add(0, price)


def test_an_impossible_window_is_refused():
    with pytest.raises(BadInput):
        RollingVolatility(window_ns=0)


def test_uneven_sampling_of_one_process_agrees_with_even_sampling():
    draw, price, at_ns = random.Random(7), 100.0, 0
    share = 0.8 / math.sqrt(MINUTES_A_YEAR)
    points = [PricePoint(0, price)]
    for _ in range(4000):
        step_minutes = draw.choice((1, 2, 7))
        at_ns += step_minutes * MINUTE_NS
        price *= math.exp(draw.gauss(0, share * math.sqrt(step_minutes)))
        points.append(PricePoint(at_ns, price))
    assert rolled(points, window_ns=at_ns).realised(now_ns=at_ns).volatility == pytest.approx(0.8, rel=0.05)


def test_price_by_price_it_is_what_its_window_alone_gives():
    draw, rolling = random.Random(3), RollingVolatility(window_ns=HOUR_NS)
    points = minutes(*(draw.uniform(90, 110) for _ in range(200)))
    for number, point in enumerate(points):
        rolling.add(*point)
        assert rolling.realised(now_ns=point.at_ns) == over_an_hour(points[max(0, number - 60) : number + 1])


def reckoned_anew(bars: dict[int, float], *, window: int, now: int, max_gap: int) -> Realised | None:
    """Return what a window shows by the textbook, from all of its minutes at once."""
    inside = [at for at in sorted(bars) if now - window <= at <= now]
    steps = [(math.log(bars[end] / bars[at]), end - at) for at, end in pairwise(inside) if end - at <= max_gap]
    if len(steps) < 2:
        return None
    drift = math.fsum(moved for moved, _ in steps) / sum(took for _, took in steps)
    spread = math.fsum((moved - drift * took) ** 2 / took for moved, took in steps)
    volatility = math.sqrt(spread / (len(steps) - 1) * MINUTES_A_YEAR)
    return Realised(volatility, bars[inside[-1]] / bars[inside[0]] - 1, len(steps))


def volume_anew(volumes: dict[int, Decimal | None], *, window: int, now: int) -> Decimal | None:
    """Return what was traded in a window, from all of its minutes at once."""
    inside = [volume for at, volume in volumes.items() if now - window < at <= now and volume is not None]
    return sum(inside, Decimal(0)) if inside else None


BARS = st.tuples(
    st.integers(0, 30),
    st.floats(1, 1000),
    st.none() | st.decimals(0, 100, places=4, allow_nan=False),
    st.integers(0, 3),
)


@given(
    bars=st.lists(BARS, min_size=1, max_size=25),
    windows=st.sampled_from([(5,), (3, 9, 20)]),
    max_gap=st.integers(1, 4),
)
def test_late_missing_repeated_and_corrected_minutes_leave_what_reckoning_anew_gives(bars, windows, max_gap):
    prices, known, volumes = MinutePrices(windows, max_gap=max_gap), {}, {}
    for minute, price, volume, idle in bars:
        changed = prices.put(minute, price, volume)
        assert changed or minute < prices.now - max(windows) or (known[minute], volumes[minute]) == (price, volume)
        if changed:
            known[minute], volumes[minute] = price, volume
        prices.advance(prices.now + idle)
        now = prices.now
        for window in windows:
            anew = reckoned_anew(known, window=window, now=now, max_gap=max_gap)
            assert prices.realised(window) == (anew and pytest.approx(anew, rel=1e-6, abs=1e-6))
            assert prices.volume(window) == volume_anew(volumes, window=window, now=now)
            assert prices.known(window) == sum(now - window < at <= now for at in known)


def by_minute(*prices: float | None, windows: tuple[int, ...] = (60,), **options: int) -> MinutePrices:
    """Return the windows after these minutes; None is a minute without a bar."""
    kept = MinutePrices(windows, **options)
    for minute, price in enumerate(prices):
        if price is not None:
            kept.put(minute, price)
    return kept


def test_a_minute_that_nobody_saw_is_no_return_and_is_told_as_a_gap():
    kept = by_minute(100, 101, 100, None, 200, 202)
    assert kept.realised(60).count == 3
    assert kept.realised(60).returns == pytest.approx(1.02)
    assert kept.known(60) == 5


def test_a_late_bar_closes_its_gap():
    kept, whole = by_minute(100, 101, None, 102, 103), by_minute(100, 101, 99, 102, 103)
    assert kept.put(2, 99)
    assert kept.realised(60) == whole.realised(60)


def test_a_bar_that_comes_twice_changes_nothing_and_another_word_corrects_it():
    kept = by_minute(100, 101, 100)
    before = kept.realised(60)
    assert not kept.put(1, 101)
    assert kept.realised(60) == before
    assert kept.put(1, 150)
    assert kept.realised(60) == by_minute(100, 150, 100).realised(60)


def test_a_bar_from_before_every_window_is_passed_over():
    kept = by_minute(*([100] * 100))
    assert not kept.put(3, 500)
    assert kept.realised(60) == by_minute(*([100] * 100)).realised(60)


def test_windows_that_time_has_left_behind_are_empty():
    kept = by_minute(100, 101, 100, 101)
    kept.advance(10**9)
    assert kept.realised(60) is None
    assert (kept.known(60), kept.volume(60)) == (0, None)
    assert not kept.put(3, 100)
    for minute, price in enumerate((100, 101, 100), start=10**9 + 1):
        kept.put(minute, price)
    assert kept.realised(60).count == 2


def test_volume_is_told_only_where_enough_minutes_know_theirs():
    kept = MinutePrices((3,))
    for minute, volume in enumerate([Decimal(9), None, Decimal("0.1"), Decimal("0.2")]):
        kept.put(minute, 100, volume)
    assert kept.volume(3, min_count=2) == Decimal("0.3")
    assert kept.volume(3, min_count=3) is None


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_minute_without_a_price_is_refused(price):
    with pytest.raises(BadMarketData):
        MinutePrices((60,)).put(0, price)


@pytest.mark.parametrize(("windows", "max_gap"), [((), 1), ((0,), 1), ((60,), 0)])
def test_impossible_windows_of_minutes_are_refused(windows, max_gap):
    with pytest.raises(BadInput):
        MinutePrices(windows, max_gap=max_gap)
