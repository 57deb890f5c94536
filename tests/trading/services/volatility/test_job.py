"""The volatility job: rows from what was seen and what venues tell, whatever comes late, twice or not at all."""

import math
import statistics
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from domain.breakers import BreakerKind
from domain.errors import Refused
from domain.timestamps import from_ns
from ops.locks import advisory
from risk.models import BreakerEvent
from risk.services import tick
from tests.fakes import SIM
from tests.sessions import in_another_session
from tests.trading.services.volatility.watching import START, Teller, Watch, bar_at
from trading.models import MarketSnapshot, MarketVolatility, PriceBar
from trading.services.volatility.minute_cache import RECENT, MarketName, MinuteCache, minute_of

WALK = [100.0]
_draw = Random(11)
for _ in range(199):
    WALK.append(round(WALK[-1] * math.exp(_draw.gauss(0, 0.001)), 6))


def annualised(prices: list[float]) -> float:
    """Return the textbook figure of a price a minute."""
    returns = [math.log(after / before) for before, after in pairwise(prices)]
    return statistics.stdev(returns) * math.sqrt(365 * 24 * 60)


def seen(watch: Watch, count: int, *, venue: str = "a") -> None:
    """See a book at the end of each of the first minutes of the walk, and the one after them as it begins."""
    for minute, price in enumerate(WALK[:count]):
        watch.see(minute + 0.9, price, venue=venue)
    watch.see(count, WALK[count - 1], venue=venue)


def test_a_market_that_was_watched_has_its_row(watch):
    seen(watch, 100)
    assert watch.run(100.1) == 1
    row = watch.row()
    assert row.volatility_1h == pytest.approx(annualised(WALK[39:100]), rel=1e-9)
    assert row.volatility_24h == row.volatility_7d == pytest.approx(annualised(WALK[:100]), rel=1e-9)
    assert row.returns_1h == pytest.approx(WALK[99] / WALK[39] - 1, rel=1e-9)
    assert row.returns_24h == pytest.approx(WALK[99] / WALK[0] - 1, rel=1e-9)
    assert (row.known_1h, row.known_24h) == (1, 100 / 1440)
    assert (row.volume_24h, row.liquidity_usd) == (None, 10)


def test_a_minute_is_the_first_highest_lowest_and_last_middle_price_seen_in_it(watch):
    for second, price in ((1, 100), (20, 104), (40, 97), (59, 101)):
        watch.see(second / 60, price)
    watch.run(1.1)
    bar = PriceBar.objects.get()
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (100, 104, 97, 101, None)
    assert (bar.timestamp, bar.source) == (START, "books")


def test_the_minute_that_still_runs_is_left_alone(watch):
    watch.see(0.5, 100)
    watch.see(1.5, 100)
    watch.run(1.9)
    assert PriceBar.objects.count() == 1


def test_minute_by_minute_it_is_what_it_is_at_once(watch):
    for minute, price in enumerate(WALK[:90]):
        watch.see(minute + 0.5, price)
        watch.run(minute + 1.05)
    newest = watch.row()
    watch.cache = MinuteCache(SIM)
    watch.run(90.06)
    assert _figures(watch.row()) == _figures(newest)
    assert newest.volatility_1h == pytest.approx(annualised(WALK[29:90]), rel=1e-9)


def _figures(row: MarketVolatility) -> dict[str, object]:
    return {field.name: getattr(row, field.name) for field in row._meta.fields if field.name not in ("id", "timestamp")}


def test_what_an_update_reads_does_not_grow_with_what_is_known(watch):
    seen(watch, 150)
    watch.run(150.1)
    start = minute_of(START)
    assert watch.cache.read(start + 150) <= 150
    for minute in (150, 151):
        watch.see(minute + 0.5, 100)
        watch.run(minute + 1.1)
    assert watch.cache.read(start + 152) <= RECENT


def test_a_restart_goes_on_from_the_bars_though_the_snapshots_are_gone(watch):
    seen(watch, 100)
    watch.run(100.1)
    before = watch.row()
    MarketSnapshot.objects.filter(timestamp__lt=START + timedelta(minutes=99)).delete()
    watch.cache = MinuteCache(SIM)
    watch.run(100.2)
    assert _figures(watch.row()) == _figures(before)


def test_minutes_that_nobody_saw_are_no_return_and_are_told_as_gaps(watch):
    for minute, price in enumerate(WALK[:60]):
        if not 30 <= minute < 40:
            watch.see(minute + 0.5, price)
    watch.run(60.1)
    row = watch.row()
    returns = [math.log(WALK[at + 1] / WALK[at]) for at in (*range(29), *range(40, 59))]
    assert row.volatility_1h == pytest.approx(statistics.stdev(returns) * math.sqrt(365 * 24 * 60), rel=1e-9)
    assert row.known_1h == pytest.approx(50 / 60)


def test_a_snapshot_written_late_corrects_its_minute(watch):
    seen(watch, 60)
    watch.run(60.05)
    watch.see(58.99, 120)
    watch.run(60.1)
    corrected = [*WALK[:58], 120.0, WALK[59]]
    assert watch.row().volatility_1h == pytest.approx(annualised(corrected), rel=1e-9)


def test_a_market_not_seen_lately_gets_no_row(watch):
    seen(watch, 30)
    assert watch.run(40) == 0
    assert not MarketVolatility.objects.exists()


def test_before_there_are_enough_returns_nothing_is_claimed(watch):
    seen(watch, 20)
    watch.run(20.1)
    row = watch.row()
    assert (row.volatility_1h, row.returns_1h, row.known_1h) == (None, None, pytest.approx(20 / 60))


def test_what_the_venue_tells_reaches_back_before_we_watched(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, price, 2) for minute, price in enumerate(WALK[:90])]
    watch.see(90.5, WALK[90])
    watch.run(91.1)
    row = watch.row()
    assert row.volatility_1h == pytest.approx(annualised(WALK[30:91]), rel=1e-9)
    assert row.volume_24h is None


def test_where_we_saw_the_books_the_venue_adds_what_was_traded_alone(watch, teller):
    seen(watch, 3)
    teller.told["BTC/USD"] = [bar_at(minute, 500, 7) for minute in range(3)]
    watch.run(3.1)
    bars = PriceBar.objects.order_by("timestamp")
    assert [(float(bar.close), bar.volume, bar.source) for bar in bars] == [(p, 7, "books") for p in WALK[:3]]


def test_a_book_seen_late_takes_the_place_of_the_venue_s_price(watch, teller):
    teller.told["BTC/USD"] = [bar_at(0, 500, 7), bar_at(1, 501, 8)]
    watch.see(2.05, 100)
    watch.run(2.1)
    watch.see(1.5, 100)
    watch.run(2.2)
    closes = PriceBar.objects.order_by("timestamp").values_list("close", "volume", "source")
    assert list(closes) == [(500, 7, "venue"), (100, 8, "books")]


def test_the_venue_is_asked_from_the_last_minute_it_told(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, 100) for minute in range(10)]
    watch.see(5.0, 100)
    watch.run(5.1)
    watch.see(6.0, 100)
    watch.run(6.1)
    first, second = (asked["BTC/USD"] for asked in teller.asked)
    assert (first, second) == (4 - 7 * 24 * 60, 4)


def test_bars_told_again_change_nothing(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, price) for minute, price in enumerate(WALK[:60])]
    watch.see(60.0, 100)
    watch.run(60.1)
    written = set(PriceBar.objects.values_list("timestamp", "written_at"))
    watch.cache = MinuteCache(SIM)
    watch.run(60.2)
    assert set(PriceBar.objects.values_list("timestamp", "written_at")) == written


def test_a_bar_that_the_venue_corrects_is_corrected(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, price) for minute, price in enumerate(WALK[:60])]
    watch.see(60.0, 100)
    watch.run(60.1)
    teller.told["BTC/USD"][59] = bar_at(59, 130, 9)
    watch.run(60.2)
    assert watch.row().volatility_1h == pytest.approx(annualised([*WALK[:59], 130.0]), rel=1e-9)


def test_a_day_s_volume_is_the_sum_of_its_minutes(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, 100, "0.1") for minute in range(-1500, 60)]
    teller.volumes["BTC/USD"] = Decimal(1)
    watch.see(60.0, 100)
    watch.run(60.1)
    assert watch.row().volume_24h == 144


def test_until_the_minutes_reach_back_a_day_the_venue_s_own_figure_stands(watch, teller):
    teller.told["BTC/USD"] = [bar_at(minute, 100, "0.1") for minute in range(-700, 60)]
    teller.volumes["BTC/USD"] = Decimal("150.5")
    watch.see(60.0, 100)
    watch.run(60.1)
    assert watch.row().volume_24h == 150.5


def test_a_venue_that_does_not_tell_keeps_no_other_from_its_row(watch, teller):
    teller.trouble["BTC/USD"] = Refused("EGeneral:Permission denied")
    watch.sources["b"] = Teller(told={"BTC/USD": [bar_at(minute, p) for minute, p in enumerate(WALK[:60])]})
    for venue in "ab":
        seen(watch, 60, venue=venue)
    assert watch.run(60.1) == 2
    assert watch.row("a").volatility_1h == watch.row("b").volatility_1h is not None


@pytest.mark.django_db(transaction=True)
def test_two_never_measure_at_once(watch):
    seen(watch, 30)
    with advisory(f"volatility of {SIM}"):
        assert in_another_session(lambda: watch.run(30.1)) == 0
    assert in_another_session(lambda: watch.run(30.1)) == 1


def test_what_was_kept_of_rows_that_are_gone_is_forgotten(watch):
    seen(watch, 60)
    watch.run(60.1)
    PriceBar.objects.all().delete()
    watch.cache.read(60)
    assert watch.cache.market(MarketName("a", "BTC/USD")).prices.now is None


@pytest.mark.parametrize(("seen_from", "trips"), [(0, True), (400, True), (550, False)])
def test_an_hour_wilder_than_its_day_trips_the_breaker_once_the_books_were_watched_long_enough(
    watch, teller, seen_from, trips
):
    tick(SIM, from_ns(0))
    draw = Random(2)
    prices = [round(20_000 + draw.gauss(0, 20 if minute >= 570 else 0.001), 3) for minute in range(600)]
    teller.told["BTC/USD"] = [bar_at(minute, price) for minute, price in enumerate(prices)]
    for minute in range(seen_from, 600):
        watch.see(minute + 0.5, prices[minute])
    watch.run(600.1)
    assert watch.row().volatility_1h > 3 * watch.row().volatility_24h
    assert BreakerEvent.objects.in_scope(SIM).filter(kind=BreakerKind.VOLATILITY).exists() is trips
