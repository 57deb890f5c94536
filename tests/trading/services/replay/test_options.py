"""What a replay may be asked to assume."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.costs import FeeSchedule
from domain.errors import BadInput
from domain.market import MarketKey, Pair
from domain.scope import Mode
from trading.services.replay.options import ReplayOptions, options_from_json

MARCH_11 = datetime(2023, 3, 11, tzinfo=UTC)


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
        {"speed": Decimal(0)},
        {"speed": Decimal("NaN")},
        {"first": MARCH_11, "last": MARCH_11},
        {"first": MARCH_11, "last": MARCH_11 - timedelta(days=1)},
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


@pytest.mark.parametrize(
    "options",
    [
        ReplayOptions(),
        ReplayOptions(
            markets=(MarketKey("kraken", Pair.parse("BTC/USDC")),),
            fees={"kraken": FeeSchedule(Decimal(-1), Decimal("5.25"), source="stated")},
            spread_bps=Decimal("0.10"),
            depth_usd=Decimal("7e3"),
            latency_ms=0,
            min_net_bps=Decimal(-3),
            seed=-4,
            recording=7,
            recorded_in=Mode.SIM,
            first=MARCH_11,
            last=MARCH_11 + timedelta(microseconds=1),
            speed=Decimal("0.5"),
        ),
        ReplayOptions(recording="all"),
    ],
)
def test_options_that_were_stored_read_back_as_they_were(options):
    assert options_from_json(json.loads(json.dumps(options.to_json()))) == options


def test_an_empty_span_is_told_with_both_ends():
    with pytest.raises(BadInput, match="the span is empty: it is from 2023-03-11 00:00 UTC and before 2023-03-10"):
        ReplayOptions(first=MARCH_11, last=MARCH_11 - timedelta(days=1))
