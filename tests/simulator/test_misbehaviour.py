"""Every fault kind, as a client on the wire meets it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from domain.market import MarketKey, Pair
from simulator.accounts import ALPACA_DATA
from simulator.server import Doubles

DEPTH = "/0/public/Depth?pair=XBTUSD&count=5"
BOOKS = "/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD"
BITCOIN = Pair.parse("BTC/USD")
VENUES = ("kraken", "alpaca")
NEVER_S = 3600.0  # a fault that outlives every test
SHORT_S = 0.3
PATIENCE_S = 60.0


def rest_url(doubles: Doubles, venue: str) -> str:
    return doubles.urls.kraken_rest + DEPTH if venue == "kraken" else doubles.urls.alpaca_data + BOOKS


async def script(http: aiohttp.ClientSession, doubles: Doubles, *faults: dict[str, Any]) -> None:
    lines = [{"to_s": NEVER_S, **fault} for fault in faults]
    async with http.post(doubles.urls.fault_endpoints[0], json=lines) as response:
        assert response.status == 200


async def felt(http: aiohttp.ClientSession, doubles: Doubles, name: str) -> int:
    async with http.get(doubles.urls.fault_endpoints[1]) as response:
        return int((await response.json())["felt"].get(name, 0))


@asynccontextmanager
async def streaming(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Give a socket whose snapshot of BTC/USD is read already."""
    url = doubles.urls.kraken_ws if venue == "kraken" else doubles.urls.alpaca_stream
    async with http.ws_connect(url) as socket:
        if venue == "kraken":
            await socket.send_json({"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}})
        else:
            await socket.send_json({"action": "auth", "key": ALPACA_DATA.key, "secret": ALPACA_DATA.secret})
            await socket.send_json({"action": "subscribe", "orderbooks": ["BTC/USD"]})
        while '"bids"' not in (text := await socket.receive_str()) and '"r": true' not in text:
            pass
        yield socket


async def next_matching(
    socket: aiohttp.ClientWebSocketResponse, is_wanted: Callable[[aiohttp.WSMessage], bool]
) -> aiohttp.WSMessage:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = await socket.receive()
            if is_wanted(message):
                return message


async def market_moves(doubles: Doubles, venue: str) -> None:
    """Wait until the market behind the venue has moved on by several books."""
    key = MarketKey(venue, BITCOIN)
    seq = doubles.market.book(key).seq
    async with asyncio.timeout(PATIENCE_S):
        while doubles.market.book(key).seq < seq + 4:  # noqa: ASYNC110 - the market has no one to tell
            await asyncio.sleep(0.05)


async def best(http: aiohttp.ClientSession, doubles: Doubles, venue: str) -> tuple[Decimal, Decimal]:
    """Return the best bid and ask that REST shows."""
    async with http.get(rest_url(doubles, venue)) as response:
        body = json.loads(await response.text(), parse_float=Decimal)
    if venue == "kraken":
        book = body["result"]["XXBTZUSD"]
        return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])
    book = body["orderbooks"]["BTC/USD"]
    return Decimal(book["b"][0]["p"]), Decimal(book["a"][0]["p"])


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", ["latency", "stall"])
async def test_slow_and_stalled_rest_outlasts_a_clients_patience(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str, kind: str
) -> None:
    await script(http, doubles, {"kind": kind, "venue": venue, "value": NEVER_S * 1000})
    asking = asyncio.ensure_future(http.get(rest_url(doubles, venue)))
    async with asyncio.timeout(PATIENCE_S):
        while await felt(http, doubles, f"{venue}:{kind}") < 1:
            pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SHORT_S):
            await asking
    assert await felt(http, doubles, f"{venue}:{kind}") == 1


@pytest.mark.parametrize("venue", VENUES)
async def test_a_disconnected_venue_drops_streams_and_requests(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str
) -> None:
    async with streaming(http, doubles, venue) as socket:
        await script(http, doubles, {"kind": "disconnect", "venue": venue})
        await next_matching(socket, lambda message: message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR))
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(rest_url(doubles, venue))
    with pytest.raises(aiohttp.ClientConnectionError):
        async with streaming(http, doubles, venue):
            pass


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("kind", "value", "status"), [("rate_limit", 0, 429), ("server_error", 0, 503), ("server_error", 504, 504)]
)
async def test_http_errors_reach_rest_and_new_streams(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str, kind: str, value: int, status: int
) -> None:
    await script(http, doubles, {"kind": kind, "venue": venue, "value": value})
    async with http.get(rest_url(doubles, venue)) as response:
        assert response.status == status
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with streaming(http, doubles, venue):
            pass
    assert refused.value.status == status


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", ["html", "truncated"])
async def test_malformed_bodies_come_with_status_200_and_as_frames(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str, kind: str
) -> None:
    async with streaming(http, doubles, venue) as socket:
        await script(http, doubles, {"kind": kind, "venue": venue})
        async with http.get(rest_url(doubles, venue)) as response:
            assert response.status == 200
            bodies = [await response.text()]
        frame = await next_matching(socket, lambda message: not is_json(message.data))
        bodies.append(frame.data)
    for body in bodies:
        assert not is_json(body)
        assert body.startswith("<html>") is (kind == "html")


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("venue", VENUES)
async def test_stale_books_stand_still_while_heartbeats_and_answers_go_on(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str
) -> None:
    async with streaming(http, doubles, venue) as socket:
        await script(http, doubles, {"kind": "stale", "venue": venue})
        async with http.get(rest_url(doubles, venue)) as response:
            before = await response.text()
        await market_moves(doubles, venue)
        async with http.get(rest_url(doubles, venue)) as response:
            assert await response.text() == before
        if venue == "kraken":
            assert await next_matching(socket, lambda message: message.data == '{"channel":"heartbeat"}')
    assert await felt(http, doubles, f"{venue}:stale") > 0


@pytest.mark.parametrize("venue", VENUES)
async def test_crossed_books_are_crossed_on_rest(http: aiohttp.ClientSession, doubles: Doubles, venue: str) -> None:
    await script(http, doubles, {"kind": "crossed", "venue": venue})
    await market_moves(doubles, venue)
    bid, ask = await best(http, doubles, venue)
    assert bid > ask


@pytest.mark.parametrize("venue", VENUES)
async def test_crossed_books_are_crossed_for_a_new_subscriber(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str
) -> None:
    await script(http, doubles, {"kind": "crossed", "venue": venue})
    await market_moves(doubles, venue)
    url = doubles.urls.kraken_ws if venue == "kraken" else doubles.urls.alpaca_stream
    async with http.ws_connect(url) as socket:
        await socket.send_json({"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}})
        await socket.send_json({"action": "auth", "key": ALPACA_DATA.key, "secret": ALPACA_DATA.secret})
        await socket.send_json({"action": "subscribe", "orderbooks": ["BTC/USD"]})
        frame = await next_matching(
            socket, lambda message: '"type":"snapshot"' in message.data or '"r": true' in message.data
        )
    bids, asks = sides_of(json.loads(frame.data))
    assert max(bids) > min(asks)


def sides_of(message: Any) -> tuple[list[float], list[float]]:
    """Return the bid and ask prices of a book message of either venue."""
    if isinstance(message, list):
        return [level["p"] for level in message[0]["b"]], [level["p"] for level in message[0]["a"]]
    book = message["data"][0]
    return [level["price"] for level in book["bids"]], [level["price"] for level in book["asks"]]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", ["nan_price", "negative_price"])
async def test_impossible_prices_reach_rest_and_stream(
    http: aiohttp.ClientSession, doubles: Doubles, venue: str, kind: str
) -> None:
    async with streaming(http, doubles, venue) as socket:
        await script(http, doubles, {"kind": kind, "venue": venue})
        _, ask = await best(http, doubles, venue)
        frame = await next_matching(socket, lambda message: "NaN" in message.data or "-1" in message.data)
    _, asks = sides_of(json.loads(frame.data))
    for price in (float(ask), asks[0]):
        assert price != price if kind == "nan_price" else price == -1


async def kraken_time(http: aiohttp.ClientSession, doubles: Doubles) -> datetime:
    async with http.get(f"{doubles.urls.kraken_rest}/0/public/Time") as response:
        return datetime.fromtimestamp((await response.json())["result"]["unixtime"], UTC)


async def alpaca_time(http: aiohttp.ClientSession, doubles: Doubles) -> datetime:
    async with http.get(doubles.urls.alpaca_data + BOOKS) as response:
        return datetime.fromisoformat((await response.json())["orderbooks"]["BTC/USD"]["t"])


@pytest.mark.parametrize(("venue", "read_time"), [("kraken", kraken_time), ("alpaca", alpaca_time)])
async def test_a_skewed_clock_is_an_hour_off(
    http: aiohttp.ClientSession,
    doubles: Doubles,
    venue: str,
    read_time: Callable[[aiohttp.ClientSession, Doubles], Awaitable[datetime]],
) -> None:
    await script(http, doubles, {"kind": "clock_skew", "venue": venue})
    await market_moves(doubles, venue)
    assert timedelta(minutes=59) < await read_time(http, doubles) - datetime.now(UTC) < timedelta(minutes=61)


async def test_a_stalled_stream_says_nothing_until_it_is_cleared(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with streaming(http, doubles, "kraken") as socket:
        await script(http, doubles, {"kind": "stall", "venue": "kraken", "channel": "stream"})
        with pytest.raises(TimeoutError):
            while True:
                await socket.receive(timeout=SHORT_S * 2)
        await http.delete(doubles.urls.fault_endpoints[0])
        assert await next_matching(socket, lambda message: '"update"' in message.data)


async def test_a_late_stream_keeps_its_order(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with streaming(http, doubles, "kraken") as socket:
        await script(http, doubles, {"kind": "latency", "venue": "kraken", "value": 150, "channel": "stream"})
        frames = [await next_matching(socket, lambda message: '"update"' in message.data) for _ in range(8)]
    stamps = [json.loads(frame.data)["data"][0]["timestamp"] for frame in frames]
    assert stamps == sorted(stamps)
    assert await felt(http, doubles, "kraken:latency") > 0


async def test_a_fault_on_one_venue_spares_the_other(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    await script(http, doubles, {"kind": "server_error", "venue": "kraken"})
    bid, ask = await best(http, doubles, "alpaca")
    assert bid < ask


async def test_clearing_the_script_heals_the_venue(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    await script(http, doubles, {"kind": "crossed", "venue": "kraken"}, {"kind": "html", "venue": "kraken"})
    async with http.delete(doubles.urls.fault_endpoints[0]) as response:
        assert response.status == 200
    await market_moves(doubles, "kraken")
    bid, ask = await best(http, doubles, "kraken")
    assert bid < ask


@pytest.mark.parametrize(
    ("body", "named"),
    [("{", "not JSON"), ("[1]", "one JSON object"), ('{"kind":"fire","to_s":1}', "'fire' is not a valid FaultKind")],
)
async def test_a_bad_script_is_refused_by_name(
    http: aiohttp.ClientSession, doubles: Doubles, body: str, named: str
) -> None:
    async with http.post(doubles.urls.fault_endpoints[1], data=body) as response:
        assert response.status == 400
        assert named in (await response.json())["error"]
