"""Alpaca's minute bars: what its pages say, and what they are refused for."""

import json
import time
from decimal import Decimal

import pytest

from domain.errors import BadMarketData, Refused, Unreachable
from domain.market import Pair
from trading.venues.alpaca.bars import AlpacaBars, parse_bars
from trading.venues.bars import MinuteBar

BTC_USD = Pair.parse("BTC/USD")
MINUTE_S = 1_700_000_040
ROW = {"t": "2023-11-14T22:14:00Z", "o": 100.1, "h": 100.3, "l": 100, "c": 100.2, "v": 1.5e-7, "n": 3, "vw": 100.1}


def page(*rows: object, **more: object) -> bytes:
    return json.dumps({"bars": {"BTC/USD": list(rows)}, **more}).encode()


def test_a_row_is_a_bar_with_its_exact_digits():
    expected = MinuteBar(MINUTE_S, *map(Decimal, ("100.1", "100.3", "100", "100.2", "0.00000015")))
    assert parse_bars(page(ROW), BTC_USD) == ([expected], None)


def test_a_page_names_the_next_one():
    assert parse_bars(page(next_page_token="more"), BTC_USD) == ([], "more")


@pytest.mark.parametrize("bars", [None, {}, {"BTC/USD": None}, {"BTC/USD": []}])
def test_a_pair_without_bars_has_none(bars):
    assert parse_bars(json.dumps({"bars": bars, "next_page_token": None}).encode(), BTC_USD) == ([], None)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"t": "2023-11-14T22:14:01Z"}, "bad_instant"),
        ({"t": None}, "bad_instant"),
        ({"o": -1}, "negative"),
        ({"l": 0}, "bad_bar"),
        ({"h": 100.15}, "bad_bar"),
        ({"c": None}, "not_a_number"),
        ({"v": "much"}, "not_a_number"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_by_name(changed, reason):
    with pytest.raises(BadMarketData) as refused:
        parse_bars(page(ROW | changed), BTC_USD)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b"[]", b'{"bars": 1}', b'{"bars": {"BTC/USD": {}}}', b'{"bars": {"BTC/USD": [1]}}']
)
def test_a_page_that_holds_no_bars_is_refused(body):
    with pytest.raises(BadMarketData):
        parse_bars(body, BTC_USD)


def test_a_page_token_that_is_no_text_is_refused():
    with pytest.raises(BadMarketData):
        parse_bars(page(next_page_token={"a": 1}), BTC_USD)


async def test_every_whole_minute_comes_from_the_venue(doubles):
    source, until_s = AlpacaBars(doubles.urls.alpaca_data), int(time.time())
    since_s = until_s // 60 * 60 - 40 * 60
    found = await source.read({BTC_USD: since_s, Pair.parse("NO/SUCH"): since_s}, until_s=until_s)
    bars = found[BTC_USD]
    assert [bar.minute_s for bar in bars] == list(range(since_s, bars[-1].minute_s + 1, 60))
    assert len(bars) >= 35
    assert isinstance(found[Pair.parse("NO/SUCH")], Refused)
    assert await source.day_volumes([BTC_USD]) == {}


async def test_a_venue_that_is_not_there_is_unreachable():
    found = await AlpacaBars("http://127.0.0.1:1").read({BTC_USD: 0}, until_s=60)
    assert isinstance(found[BTC_USD], Unreachable)
