"""Alpaca's minute bars by REST, no key needed: of its own feed ``us``, never of ``us-1``, which is Kraken's.

Source: docs.alpaca.markets, "Historical Crypto Bars".
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from domain.errors import ArbError, BadMarketData
from domain.market import Pair
from domain.timestamps import NS_PER_S, from_ns
from trading.venues.alpaca.wire import VENUE
from trading.venues.bars import BarsOrError, MinuteBar, check_span, minute_bar, rows_of, whole_minutes
from trading.venues.exact import decode_json, instant_ns, member
from trading.venues.rest import BadQuestion, RestClient, rest_client

_TIMEOUT_S = 20.0
_PATH = "/v1beta3/crypto/us/bars"
_LIMIT = 10_000  # bars a page
_MOST_PAGES = 8  # more than a week of one pair
_LONGEST_SPAN_S = 8 * 86_400


class BarPage(NamedTuple):
    """Some of a pair's bars, and where the rest begin."""

    bars: list[MinuteBar]
    next_page: str | None


class AlpacaBars:
    """Alpaca as a source of minute bars."""

    def __init__(self, data_url: str) -> None:
        self._data_url = data_url

    async def read(self, since_s: Mapping[Pair, int], *, until_s: int) -> dict[Pair, BarsOrError]:
        """Return each pair's whole minutes."""
        async with rest_client(self._data_url, timeout_s=_TIMEOUT_S, headers={}) as client:
            return {pair: await _told(client, pair, begin_s, until_s) for pair, begin_s in since_s.items()}

    async def day_volumes(self, pairs: Sequence[Pair]) -> dict[Pair, Decimal]:
        """Return nothing: Alpaca's bars reach back further than a day."""
        return {}


async def _told(client: RestClient, pair: Pair, since_s: int, until_s: int) -> BarsOrError:
    try:
        return whole_minutes(await _pages(client, pair, since_s), since_s=since_s, until_s=until_s)
    except BadQuestion as error:
        return BadQuestion(f"{VENUE} has no bars of {pair}: {error}")
    except ArbError as error:
        return error


async def _pages(client: RestClient, pair: Pair, since_s: int) -> list[MinuteBar]:
    asked = {
        "symbols": pair.symbol,
        "timeframe": "1Min",
        "start": f"{from_ns(since_s * NS_PER_S):%Y-%m-%dT%H:%M:%SZ}",
        "limit": str(_LIMIT),
    }
    bars: list[MinuteBar] = []
    for _ in range(_MOST_PAGES):
        page = parse_bars(await client.read(_PATH, asked), pair)
        bars += page.bars
        if page.next_page is None:
            break
        asked["page_token"] = page.next_page
    return check_span(bars, longest_s=_LONGEST_SPAN_S)


def parse_bars(body: bytes, pair: Pair) -> BarPage:
    """Return the bars of one page, oldest first. Raises: BadMarketData."""
    answer = decode_json(body)
    found = {} if (told := member(answer, "bars")) is None else told
    if not isinstance(found, dict):
        raise BadMarketData("malformed", "bars are not an object")
    token = answer.get("next_page_token")
    if not (token is None or isinstance(token, str)):
        raise BadMarketData("malformed", "next_page_token is not a text")
    rows = found.get(pair.symbol)
    return BarPage([] if rows is None else [_bar(row) for row in rows_of(rows)], token or None)


def _bar(row: Any) -> MinuteBar:
    minute_s = instant_ns(member(row, "t")) // NS_PER_S
    return minute_bar(minute_s, (member(row, name) for name in "ohlc"), member(row, "v"))
