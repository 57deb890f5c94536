"""Volatility on the virtual clock: kept up, and taken up again where a run goes on."""

from random import Random

import pytest

from domain.market import MarketKey
from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from risk.models import BreakerEvent
from risk.services import tick
from tests.fakes import BTC_USD, MS, NOW_NS, book
from trading.services.replay.volatility import STEP_NS, VolatilityWatch

SCOPE = Scope(Mode.REPLAY, "volatility")
MARKET = MarketKey("a", BTC_USD)
MINUTES = 820


def prices():
    """A calm stretch and a wild one."""
    rng, price = Random(4), 20_000.0
    for minute in range(MINUTES):
        price *= 1 + rng.gauss(0, 0.0001 if minute < 740 else 0.01)
        yield NOW_NS + minute * STEP_NS, book("a", f"{price:.2f}", f"{price + 1:.2f}")


def tripped(watch, instants):
    return [
        at_ns for at_ns, shown in instants if watch.note({MARKET: shown}, among=[MARKET], now_ns=at_ns, scope=SCOPE)
    ]


@pytest.mark.django_db
def test_a_stretch_that_is_wilder_than_its_day_trips_the_breaker():
    tick(SCOPE, from_ns(0))
    assert tripped(VolatilityWatch([MARKET]), prices())
    assert BreakerEvent.objects.in_scope(SCOPE).filter(kind="volatility").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("broken_at", [1, 400, 790])
def test_one_that_is_taken_up_again_reads_the_same(broken_at):
    whole, first, second = VolatilityWatch([MARKET]), VolatilityWatch([MARKET]), VolatilityWatch([MARKET])
    instants = list(prices())
    tripped(whole, instants)
    tripped(first, instants[:broken_at])
    second.restore(first.state())
    tripped(second, instants[broken_at:])
    assert second.state() == whole.state()
    reading = [one._markets[MARKET].reading(MARKET, instants[-1][0]) for one in (whole, second)]
    assert reading[0] == reading[1] is not None


@pytest.mark.django_db
def test_many_books_within_a_minute_count_as_one():
    watch = VolatilityWatch([MARKET])
    for number in range(2_000):
        at_ns = NOW_NS + number * 100 * MS
        watch.note({MARKET: book("a", "100", "101")}, among=[MARKET], now_ns=at_ns, scope=SCOPE)
    ((_, _, points),) = watch.state()["points"]
    assert len(points) == 4
