"""The backtest of 10 to 12 March 2023: $10,000 at Kraken and Binance.US, half in coins, and nothing transferred."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.money import EXACT, exact_sum
from tests.e2e.test_replay_recorded import FOLDER, recorded
from trading.services.backtest.run import Capital, backtest, report_named
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.timeout(400),
    pytest.mark.skipif(FOLDER is None, reason="ARB_RECORDED_DATA is unset: no recorded market data to replay"),
]
THREE_DAYS = ReplayOptions(first=datetime(2023, 3, 10, tzinfo=UTC), last=datetime(2023, 3, 13, tzinfo=UTC))


def test_ten_thousand_dollars_without_transfers_come_to_three_parts_that_add_up():
    files = [recorded("kraken_BTC-USDC"), recorded("binanceus_BTC-USDC")]
    report = backtest(files, THREE_DAYS, Capital(Decimal(10_000)))

    assert abs(report.start_usd - 10_000) < Decimal("0.0001")
    assert report.change_usd == exact_sum((report.executed_usd, report.hold_usd, report.inventory_usd))
    assert report.remainder_usd == 0
    assert report.end_usd == exact_sum(place.end_usd for place in report.places)

    assert [day.day.day for day in report.days] == [10, 11, 12]
    for name in ("executed", "hold", "inventory", "change"):
        parts = exact_sum(getattr(day, f"{name}_usd") for day in report.days)
        assert parts == getattr(report, f"{name}_usd")
    assert report.days[-1].end_usd == report.end_usd
    assert report.executed_usd == exact_sum(route.costs.net_usd for route in report.routes)

    assert Decimal("0.07") < report.falls.coins.share < Decimal("0.10")  # what holding the coins alone went through
    assert report.falls.hold.share < report.falls.coins.share
    assert all(place.lowest >= 0 for place in report.places)
    assert report.refused["size"]["no_inventory"] > 0  # one side ran dry
    assert report.trips
    assert report_named(report.run_id) == report


@pytest.mark.campaign
def test_without_the_limit_it_is_the_plain_replay_and_accounts_go_below_zero():
    files = [recorded("kraken_BTC-USDC"), recorded("binanceus_BTC-USDC")]
    morning = replace(THREE_DAYS, first=datetime(2023, 3, 11, tzinfo=UTC), last=datetime(2023, 3, 11, 6, tzinfo=UTC))
    report = backtest(files, morning, Capital(Decimal(10_000), is_limit=False))
    assert report.digest == replay(files, morning).digest
    assert "size" not in report.refused
    assert min(place.lowest for place in report.places) < 0
    assert report.remainder_usd == 0
    assert EXACT.subtract(report.end_usd, report.start_usd) == report.change_usd
