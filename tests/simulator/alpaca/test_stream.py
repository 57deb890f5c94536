"""Alpaca's data stream as unmodified alpaca-py and a bare client meet it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgpack
import pytest

from simulator.accounts import ALPACA_DATA, ALPACA_READ, Credential
from simulator.instruments import ALPACA, DEFAULT_PAIRS, instrument_of
from simulator.server import Doubles, SimulatorConfig, serve

LISTED = [pair.symbol for pair in DEFAULT_PAIRS if ALPACA in instrument_of(pair).venues]
MSGPACK = {"Content-Type": "application/msgpack"}
PATIENCE_S = 60.0


class Heard:
    """Collects what a stream hands over, until there is enough."""

    def __init__(self, enough: int) -> None:
        self.books: list[Any] = []
        self.is_enough = asyncio.Event()
        self._enough = enough

    async def __call__(self, book: Any) -> None:
        self.books.append(book)
        if len(self.books) >= self._enough:
            self.is_enough.set()


async def test_alpaca_py_streams_every_book_in_msgpack(doubles: Doubles) -> None:
    from alpaca.data.live import CryptoDataStream  # heavy

    stream = CryptoDataStream(ALPACA_DATA.key, ALPACA_DATA.secret, url_override=doubles.urls.alpaca_stream)
    heard = Heard(enough=120)

    async def hear(book: Any) -> None:
        await heard(book)

    stream.subscribe_orderbooks(hear, *LISTED)
    running = asyncio.create_task(stream._run_forever())
    async with asyncio.timeout(PATIENCE_S):
        await heard.is_enough.wait()
    await stream.stop_ws()
    await stream.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    first = heard.books[: len(LISTED)]
    assert {book.symbol for book in first} == set(LISTED)
    assert all(book.reset for book in first)
    assert not any(book.reset for book in heard.books[len(LISTED) :])
    assert all(book.bids[0].price < book.asks[0].price for book in first)


class Client:
    """A bare client that speaks either format."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, packed: bool) -> None:
        self.socket = socket
        self.packed = packed
        self._left: list[Any] = []

    async def say(self, **message: Any) -> None:
        if self.packed:
            await self.socket.send_bytes(msgpack.packb(message))
        else:
            await self.socket.send_json(message)

    async def hear(self, kind: str | None = None) -> Any:
        """Return the next message, of ``kind`` where one is named."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._left:
                    message = self._left.pop(0)
                    if kind in (None, message["T"]):
                        return message
                frame = await self.socket.receive()
                self._left = msgpack.unpackb(frame.data) if self.packed else json.loads(frame.data)

    async def log_in(self, credential: Credential = ALPACA_DATA) -> Any:
        assert await self.hear() == {"T": "success", "msg": "connected"}
        await self.say(action="auth", key=credential.key, secret=credential.secret)
        return await self.hear()


@asynccontextmanager
async def connected(http: aiohttp.ClientSession, doubles: Doubles, *, packed: bool = False) -> AsyncIterator[Client]:
    async with http.ws_connect(doubles.urls.alpaca_stream, headers=MSGPACK if packed else {}) as socket:
        yield Client(socket, packed=packed)


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
async def test_updates_lead_from_the_snapshot_to_the_book_shown_by_rest(
    http: aiohttp.ClientSession, doubles: Doubles, packed: bool
) -> None:
    async with connected(http, doubles, packed=packed) as client:
        assert await client.log_in() == {"T": "success", "msg": "authenticated"}
        await client.say(action="subscribe", orderbooks=["SOL/USD"])
        assert (await client.hear("subscription"))["orderbooks"] == ["SOL/USD"]
        sides: dict[str, dict[float, float]] = {"b": {}, "a": {}}
        for count in range(25):
            message = await client.hear("o")
            assert message.get("r", False) is (count == 0)
            for side, levels in sides.items():
                levels.update({level["p"]: level["s"] for level in message[side]})
                sides[side] = {price: size for price, size in levels.items() if size}
            assert len(sides["b"]) == len(sides["a"]) == 25
            assert max(sides["b"]) < min(sides["a"])


async def test_the_stream_shows_what_the_market_holds(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with connected(http, doubles) as client:
        await client.log_in()
        await client.say(action="subscribe", orderbooks=["*"], quotes=["BTC/USD"])
        snapshots = [await client.hear("o") for _ in LISTED]
        assert {snapshot["S"] for snapshot in snapshots} == set(LISTED)
        quote = await client.hear("q")
        assert quote["bp"] < quote["ap"]


async def test_bad_keys_are_refused_and_the_connection_ends(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with connected(http, doubles) as client:
        refused = await client.log_in(Credential(ALPACA_DATA.key, "wrong"))
        assert refused == {"T": "error", "code": 402, "msg": "auth failed"}
        assert (await client.socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_client_that_does_not_authenticate_is_sent_away(http: aiohttp.ClientSession) -> None:
    config = SimulatorConfig(seed=11, auth_timeout_s=0.2)
    async with await serve(config) as doubles, connected(http, doubles) as client:
        assert await client.hear("error") == {"T": "error", "code": 404, "msg": "auth timeout"}


async def test_one_key_has_one_connection(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with connected(http, doubles) as first:
        await first.log_in()
        async with connected(http, doubles) as second:
            assert await second.log_in() == {"T": "error", "code": 406, "msg": "connection limit exceeded"}
        async with connected(http, doubles) as other_key:
            assert (await other_key.log_in(ALPACA_READ))["msg"] == "authenticated"


async def test_a_key_is_free_again_once_its_connection_ends(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    for _ in range(3):
        async with connected(http, doubles) as client:
            assert (await client.log_in())["msg"] == "authenticated"


async def test_requests_out_of_order_are_refused_by_number(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with connected(http, doubles) as client:
        await client.hear()
        await client.say(action="subscribe", orderbooks=["BTC/USD"])
        assert (await client.hear())["code"] == 401
        await client.say(action="auth", key=ALPACA_DATA.key, secret=ALPACA_DATA.secret)
        assert (await client.hear())["msg"] == "authenticated"
        await client.say(action="auth", key=ALPACA_DATA.key, secret=ALPACA_DATA.secret)
        assert (await client.hear())["code"] == 403
        for nonsense in ("{", "[]", "null"):
            await client.socket.send_str(nonsense)
            assert (await client.hear())["code"] == 400


async def test_unsubscribing_ends_the_updates(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with connected(http, doubles) as client:
        await client.log_in()
        await client.say(action="subscribe", orderbooks=["BTC/USD", "ETH/USD"])
        await client.hear("subscription")
        await client.say(action="unsubscribe", orderbooks=["BTC/USD"])
        assert (await client.hear("subscription"))["orderbooks"] == ["ETH/USD"]
        assert {(await client.hear("o"))["S"] for _ in range(10)} == {"ETH/USD"}
