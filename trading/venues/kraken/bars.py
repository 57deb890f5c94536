"""Kraken's minute bars: its last 720 minutes by REST, the one that still runs left out, and a day's volume.

Source: docs.kraken.com, REST ``OHLC`` and ``Ticker``.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from domain.errors import ArbError, BadMarketData
from domain.market import Pair
from trading.venues.bars import MINUTE_S, BarsOrError, MinuteBar, check_span, minute_bar, rows_of, whole_minutes
from trading.venues.exact import member, plain_digits
from trading.venues.kraken import wire
from trading.venues.rest import RestClient, rest_client

log = structlog.get_logger(__name__)

_TIMEOUT_S = 10.0
_OPEN_TO_CLOSE, _VOLUME, _FIELDS = slice(1, 5), 6, 8  # time, open, high, low, close, vwap, volume, count
_LONGEST_SPAN_S = 1_000 * MINUTE_S  # rows further apart than an answer reaches are no bars of one answer


class KrakenBars:
    """Kraken as a source of minute bars."""

    def __init__(self, rest_url: str) -> None:
        self._rest_url = rest_url

    async def read(self, since_s: Mapping[Pair, int], *, until_s: int) -> dict[Pair, BarsOrError]:
        """Return each pair's whole minutes, asked for one pair at a time as Kraken answers them."""
        async with rest_client(self._rest_url, timeout_s=_TIMEOUT_S, headers={}) as client:
            return {pair: await _told(client, pair, begin_s, until_s) for pair, begin_s in since_s.items()}

    async def day_volumes(self, pairs: Sequence[Pair]) -> dict[Pair, Decimal]:
        """Return the last day's volume of each pair: bars reach back half a day alone."""
        async with rest_client(self._rest_url, timeout_s=_TIMEOUT_S, headers={}) as client:
            found = {pair: await _day_volume(client, pair) for pair in pairs}
        return {pair: volume for pair, volume in found.items() if volume is not None}


async def _day_volume(client: RestClient, pair: Pair) -> Decimal | None:
    try:
        body = await client.read("/0/public/Ticker", {"pair": wire.rest_symbol(pair)})
        return parse_day_volume(wire.rest_result(body))
    except ArbError as error:
        log.warning("volume_not_told", venue=wire.VENUE, symbol=pair.symbol, reason=str(error))
        return None


async def _told(client: RestClient, pair: Pair, since_s: int, until_s: int) -> BarsOrError:
    asked = {"pair": wire.rest_symbol(pair), "interval": "1", "since": str(since_s - MINUTE_S)}
    try:
        found = parse_bars(wire.rest_result(await client.read("/0/public/OHLC", asked)))
        return whole_minutes(found, since_s=since_s, until_s=until_s)
    except ArbError as error:
        return error


def parse_bars(result: Any) -> list[MinuteBar]:
    """Return the bars in an OHLC result, oldest first. Raises: BadMarketData."""
    if not isinstance(result, dict):
        raise BadMarketData("malformed", "OHLC is not an object")
    found = [rows for name, rows in result.items() if name != "last"]
    if len(found) != 1:
        raise BadMarketData("malformed", "OHLC answers for one pair")
    return check_span([_bar(row) for row in rows_of(found[0])], longest_s=_LONGEST_SPAN_S)


def _bar(row: Any) -> MinuteBar:
    if not isinstance(row, list) or len(row) < _FIELDS:
        raise BadMarketData("malformed", "a bar is not [time, open, high, low, close, vwap, volume, count]")
    at = plain_digits(str(row[0]))
    if not at.isdigit():
        raise BadMarketData("bad_instant", at)
    return minute_bar(int(at), row[_OPEN_TO_CLOSE], row[_VOLUME])


def parse_day_volume(result: Any) -> Decimal:
    """Return what was traded in the last 24 hours by a Ticker result. Raises: BadMarketData."""
    if not isinstance(result, dict) or len(result) != 1:
        raise BadMarketData("malformed", "Ticker answers for one pair")
    (row,) = result.values()
    volumes = member(row, "v")  # today's, and the last 24 hours'
    if not isinstance(volumes, list) or len(volumes) != 2:
        raise BadMarketData("malformed", "v is not [today, last 24 hours]")
    return Decimal(plain_digits(str(volumes[1])))
