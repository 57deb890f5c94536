"""Kraken's WebSocket v2 as unmodified ccxt.pro and a bare client meet it."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from simulator.instruments import DEFAULT_PAIRS
from simulator.server import Doubles


class Exact(str):
    """A number as written, that compares, negates and counts as empty like a number."""

    __slots__ = ()

    def __neg__(self) -> Decimal:
        return -Decimal(self)

    def __lt__(self, other: Any) -> bool:
        return Decimal(self) < Decimal(other)

    def __gt__(self, other: Any) -> bool:
        return Decimal(self) > Decimal(other)

    def __bool__(self) -> bool:
        return Decimal(self) != 0


@pytest.fixture
async def exchange(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    import ccxt.pro  # heavy
    from ccxt.async_support.base.ws import client

    # ccxt's own floats would drop trailing zeros, and the checksum is over the digits as sent
    exact = SimpleNamespace(loads=partial(json.loads, parse_float=str), dumps=client.json_parser.dumps)
    monkeypatch.setattr(client, "json_parser", exact)
    kraken = ccxt.pro.kraken({"enableRateLimit": False, "newUpdates": True})
    kraken.options["watchOrderBook"] = {"checksum": True}
    kraken.urls["api"]["public"] = doubles.urls.kraken_rest
    kraken.urls["api"]["ws"]["publicV2"] = doubles.urls.kraken_ws
    await kraken.load_markets()
    kraken.number = Exact  # only now: market tables want plain numbers
    yield kraken
    await kraken.close()


async def test_ccxt_pro_follows_a_book_and_every_checksum_holds(exchange: Any) -> None:
    for _ in range(60):
        book = await exchange.watch_order_book("BTC/USD", 10)
        assert len(book["bids"]) == len(book["asks"]) == 10
        assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])


async def test_ccxt_pro_follows_every_pair_over_one_socket(exchange: Any) -> None:
    symbols = [pair.symbol for pair in DEFAULT_PAIRS]
    seen: set[str] = set()
    while seen != set(symbols):
        book = await exchange.watch_order_book_for_symbols(symbols, 25)
        assert len(book["bids"]) == len(book["asks"]) == 25
        seen.add(book["symbol"])
    assert len(exchange.clients) == 1


async def test_ccxt_pro_sees_a_wrong_checksum(exchange: Any, doubles: Doubles, http: aiohttp.ClientSession) -> None:
    import ccxt

    await exchange.watch_order_book("BTC/USD", 10)
    await http.post(doubles.urls.fault_endpoints[0], json={"kind": "wrong_checksum", "venue": "kraken", "to_s": 60})
    with pytest.raises(ccxt.ChecksumError):
        for _ in range(50):
            await exchange.watch_order_book("BTC/USD", 10)
    assert doubles.faults.felt()["kraken:wrong_checksum"] > 0


async def test_ccxt_pro_follows_a_ticker(exchange: Any) -> None:
    ticker = await exchange.watch_ticker("ETH/USD")
    assert Decimal(ticker["bid"]) < Decimal(ticker["ask"])


class Client:
    """A bare client of the stream."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, **request: Any) -> None:
        await self.socket.send_json(request)

    async def hear(self, **wanted: Any) -> Any:
        """Return the next message that has every wanted field."""
        async with asyncio.timeout(60):
            while True:
                message = json.loads(await self.socket.receive_str())
                if all(message.get(name) == value for name, value in wanted.items()):
                    return message


@pytest.fixture
async def client(doubles: Doubles, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    async with http.ws_connect(doubles.urls.kraken_ws) as socket:
        yield Client(socket)


def book_of(*symbols: str, depth: int = 10) -> dict[str, Any]:
    return {"channel": "book", "symbol": list(symbols), "depth": depth}


async def test_a_client_is_greeted_with_the_status(client: Client) -> None:
    status = await client.hear(channel="status")
    assert status["data"][0]["system"] == "online"
    assert status["data"][0]["api_version"] == "v2"


async def test_each_symbol_is_acknowledged_then_shown_then_updated(client: Client) -> None:
    await client.ask(method="subscribe", params=book_of("BTC/USD", "ETH/USD"), req_id=4)
    for symbol in ("BTC/USD", "ETH/USD"):
        ack = await client.hear(method="subscribe")
        assert (ack["success"], ack["req_id"], ack["result"]["symbol"]) == (True, 4, symbol)
        snapshot = await client.hear(type="snapshot")
        assert snapshot["data"][0]["symbol"] == symbol
        assert len(snapshot["data"][0]["bids"]) == 10
    update = await client.hear(type="update", channel="book")
    assert update["data"][0]["timestamp"].endswith("Z")


async def test_a_client_may_do_without_the_snapshot(client: Client) -> None:
    await client.ask(method="subscribe", params={**book_of("BTC/USD"), "snapshot": False})
    assert (await client.hear(method="subscribe"))["result"]["snapshot"] is False
    assert (await client.hear(channel="book"))["type"] == "update"


async def test_heartbeats_come_only_once_subscribed(client: Client) -> None:
    await client.ask(method="subscribe", params=book_of("BTC/USD"))
    assert await client.hear(channel="heartbeat") == {"channel": "heartbeat"}


async def test_ping_is_answered_with_its_own_number(client: Client) -> None:
    await client.ask(method="ping", req_id=101)
    assert (await client.hear(method="pong"))["req_id"] == 101


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (book_of("PEPE/USD"), "Currency pair not supported PEPE/USD"),
        (book_of("BTC/USD", depth=7), "Subscription depth not supported"),
        ({"channel": "gossip"}, "Subscription channel gossip not supported"),
    ],
)
async def test_a_bad_subscription_is_refused_by_name(client: Client, params: dict[str, Any], error: str) -> None:
    await client.ask(method="subscribe", params=params, req_id=1)
    refused = await client.hear(method="subscribe")
    assert (refused["success"], refused["error"], refused["req_id"]) == (False, error, 1)


async def test_a_second_subscription_to_one_book_is_refused(client: Client) -> None:
    for _ in range(2):
        await client.ask(method="subscribe", params=book_of("BTC/USD"))
    assert (await client.hear(success=False))["error"].startswith("Already subscribed")


async def test_unsubscribing_ends_the_updates(client: Client) -> None:
    await client.ask(method="subscribe", params=book_of("BTC/USD", "ETH/USD"))
    await client.hear(type="update")
    await client.ask(method="unsubscribe", params=book_of("BTC/USD"))
    assert (await client.hear(method="unsubscribe"))["success"]
    for _ in range(10):
        assert (await client.hear(type="update"))["data"][0]["symbol"] == "ETH/USD"


async def test_nonsense_is_answered_and_the_connection_lives(client: Client) -> None:
    for nonsense in ("{", "[]", '"x"', '{"params":1}', '{"method":"subscribe","params":3}'):
        await client.socket.send_str(nonsense)
        assert (await client.hear(success=False))["error"]
    await client.ask(method="ping")
    assert await client.hear(method="pong")


async def test_the_instrument_channel_gives_the_precisions(client: Client) -> None:
    await client.ask(method="subscribe", params={"channel": "instrument"})
    pairs = (await client.hear(channel="instrument"))["data"]["pairs"]
    precisions = {pair["symbol"]: (pair["price_precision"], pair["qty_precision"]) for pair in pairs}
    assert precisions["BTC/USD"] == (1, 8)
    assert set(precisions) == {pair.symbol for pair in DEFAULT_PAIRS}
