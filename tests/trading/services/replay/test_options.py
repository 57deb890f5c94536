"""What a replay may be asked to assume."""

from decimal import Decimal

import pytest

from domain.costs import FeeSchedule
from domain.errors import BadInput
from trading.services.replay import ReplayOptions


@pytest.mark.parametrize(
    "given",
    [
        {"spread_bps": Decimal(-1)},
        {"spread_bps": Decimal("NaN")},
        {"spread_bps": Decimal(5_000)},
        {"depth_usd": Decimal(0)},
        {"depth_usd": Decimal("Infinity")},
        {"latency_ms": -1},
        {"min_net_bps": Decimal("NaN")},
        {"seed": 2**70},
    ],
)
def test_an_impossible_assumption_is_refused(given):
    with pytest.raises(BadInput):
        ReplayOptions(**given)


def test_without_stated_fees_the_dated_table_applies():
    fees = ReplayOptions().fees_of({"kraken", "binanceus"})
    assert sum(schedule.taker_bps for schedule in fees.values()) == 65


def test_stated_fees_replace_those_of_one_venue():
    stated = FeeSchedule(Decimal(1), Decimal(5))
    fees = ReplayOptions(fees={"kraken": stated}).fees_of({"kraken", "binanceus"})
    assert fees["kraken"] is stated
    assert fees["binanceus"].taker_bps == 25


def test_a_venue_without_known_fees_is_named():
    with pytest.raises(BadInput, match="'mtgox'"):
        ReplayOptions().fees_of({"kraken", "mtgox"})


def test_fees_of_a_venue_that_no_file_is_of_are_refused():
    with pytest.raises(BadInput, match="'alpaca'"):
        ReplayOptions(fees={"alpaca": FeeSchedule(Decimal(1), Decimal(5))}).fees_of({"kraken", "binanceus"})
