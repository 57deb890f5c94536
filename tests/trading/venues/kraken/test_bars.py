"""Kraken's minute bars: what its answers say, and what they are refused for."""

import json
import time
from decimal import Decimal

import pytest

from domain.errors import BadMarketData, Refused, Unreachable
from domain.market import Pair
from trading.venues.bars import MinuteBar
from trading.venues.kraken.bars import KrakenBars, parse_bars, parse_day_volume
from trading.venues.kraken.wire import rest_result

BTC_USD = Pair.parse("BTC/USD")
MINUTE_S = 1_700_000_040
ROW = [MINUTE_S, "100.1", "100.3", "100.0", "100.2", "100.15", "1.50000000", 7]


def answered(*rows: object) -> object:
    """Return the result of an OHLC answer as it is read from its bytes."""
    body = json.dumps({"error": [], "result": {"XXBTZUSD": list(rows), "last": MINUTE_S}})
    return rest_result(body.encode())


def test_a_row_is_a_bar_with_its_exact_digits():
    expected = MinuteBar(MINUTE_S, *map(Decimal, ("100.1", "100.3", "100.0", "100.2", "1.50000000")))
    assert parse_bars(answered(ROW)) == [expected]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({0: MINUTE_S + 1}, "bad_instant"),
        ({0: "soon"}, "not_a_number"),
        ({0: "1e3"}, "bad_instant"),
        ({1: "NaN"}, "not_finite"),
        ({1: "-1"}, "negative"),
        ({3: "0"}, "bad_bar"),
        ({2: "100.1"}, "bad_bar"),
        ({3: "100.15"}, "bad_bar"),
        ({6: "-2"}, "negative"),
        ({6: None}, "not_a_number"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_by_name(changed, reason):
    row = [changed.get(place, value) for place, value in enumerate(ROW)]
    with pytest.raises(BadMarketData) as refused:
        parse_bars(answered(row))
    assert refused.value.reason == reason


@pytest.mark.parametrize("result", [None, [], {}, {"last": 1}, {"A": 1}, {"A": [ROW], "B": [ROW]}, {"A": [[1, 2]]}])
def test_an_answer_that_holds_no_bars_of_one_pair_is_refused(result):
    with pytest.raises(BadMarketData):
        parse_bars(result)


def test_bars_further_apart_than_an_answer_reaches_are_refused():
    with pytest.raises(BadMarketData):
        parse_bars(answered(ROW, [MINUTE_S + 60 * 2000, *ROW[1:]]))


@pytest.mark.parametrize("result", [None, {}, {"A": {"v": ["1"]}}, {"A": {"v": "12"}}, {"A": {"v": ["1", "NaN"]}}])
def test_a_ticker_without_a_day_s_volume_is_refused(result):
    with pytest.raises(BadMarketData):
        parse_day_volume(result)


async def test_every_whole_minute_of_half_a_day_comes_from_the_venue(doubles):
    source, until_s = KrakenBars(doubles.urls.kraken_rest), int(time.time())
    asked = dict.fromkeys((BTC_USD, Pair.parse("NO/SUCH")), until_s - 86_400)
    found = await source.read(asked, until_s=until_s)
    bars = found[BTC_USD]
    assert [bar.minute_s for bar in bars] == list(range(bars[0].minute_s, bars[-1].minute_s + 1, 60))
    assert len(bars) >= 700
    assert bars[-1].minute_s <= until_s - 60
    assert isinstance(found[Pair.parse("NO/SUCH")], Refused)
    again = await source.read({BTC_USD: bars[-3].minute_s}, until_s=until_s)
    assert again[BTC_USD] == bars[-3:]


async def test_a_day_s_volume_comes_from_the_venue(doubles):
    volumes = await KrakenBars(doubles.urls.kraken_rest).day_volumes([BTC_USD, Pair.parse("NO/SUCH")])
    assert list(volumes) == [BTC_USD]
    assert volumes[BTC_USD] > 0


async def test_a_venue_that_is_not_there_is_unreachable():
    found = await KrakenBars("http://127.0.0.1:1").read({BTC_USD: 0}, until_s=60)
    assert isinstance(found[BTC_USD], Unreachable)
