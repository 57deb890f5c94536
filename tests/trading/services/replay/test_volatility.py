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


@pytest.mark.django_db
def test_the_models_are_told_of_a_pair_what_its_first_market_showed_until_now():
    watch, other = VolatilityWatch([MARKET, MarketKey("b", BTC_USD)]), MarketKey("b", BTC_USD)
    tick(SCOPE, from_ns(0))
    for at_ns, shown in list(prices())[:200]:
        wilder = book("b", *(f"{float(price) * (1 + 0.01 * (at_ns // STEP_NS % 2)):.2f}" for price in best_of(shown)))
        watch.note({MARKET: shown, other: wilder}, among=[], now_ns=at_ns, scope=SCOPE)
    told = watch.contexts(at_ns)["BTC/USD"]
    assert told.volatility_1h == pytest.approx(0.0001 * (365 * 24 * 60) ** 0.5, rel=0.3)
    assert told.volatility_24h == pytest.approx(told.volatility_1h, rel=0.3)
    assert told.returns_1h == pytest.approx(0, abs=0.005)
    assert told.volatility_7d != told.volatility_7d and told.volume_24h != told.volume_24h  # nan: not known


def test_of_a_pair_that_was_seldom_seen_nothing_is_known():
    told = VolatilityWatch([MARKET]).contexts(NOW_NS)["BTC/USD"]
    assert told.volatility_1h != told.volatility_1h and told.returns_1h != told.returns_1h


def best_of(shown):
    return shown.best_bid, shown.best_ask
