"""A backtest of recorded books: it adds up, and holds what was put in place across recordings."""

from decimal import Decimal

import pytest

from domain.scope import Mode
from tests.recorded_books import store, walk
from tests.trading.services.backtest.test_backtest import assert_adds_up
from trading.models import MarketSnapshot
from trading.services.backtest.run import Capital, backtest
from trading.services.replay.options import ReplayOptions

pytestmark = pytest.mark.django_db(transaction=True)

RECORDED = ReplayOptions(recording="all", recorded_in=Mode.SIM)


def test_recorded_books_are_traded_with_what_lies_there_and_add_up():
    books = walk(3_000, seed=3)
    store(books[:1_400])
    store(books[1_460:])
    report = backtest((), RECORDED, Capital(Decimal(5_000)))
    assert sum(route.fills.whole for route in report.routes) > 2
    assert [place.asset for place in report.places] == ["BTC", "USD", "BTC", "USD"]
    assert report.refused["size"]["no_inventory"] > 0
    assert min(place.lowest for place in report.places) > -Decimal(50)  # an unwinding may cost more than is left
    assert_adds_up(report)


def test_prices_are_kept_once_a_minute_and_at_the_end():
    store(walk(750, seed=3, every_ms=200))  # 150 s
    report = backtest((), RECORDED, Capital(Decimal(5_000)))
    times = sorted(set(MarketSnapshot.objects.filter(run_id=report.run_id).values_list("timestamp", flat=True)))
    assert len(times) in (4, 5)  # the first of all, of each minute begun since, and the last of all
    assert report.last_at >= times[-1]
