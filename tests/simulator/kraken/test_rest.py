"""Kraken's REST as unmodified ccxt and a hand-signed request meet it."""

import asyncio
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from domain.market import MarketKey, Pair
from simulator.accounts import KRAKEN_BALANCES, KRAKEN_READ, KRAKEN_TRADE, READ, Credential
from simulator.instruments import DEFAULT_PAIRS
from simulator.kraken.auth import sign
from simulator.server import Doubles

BALANCE = "/0/private/Balance"


@pytest.fixture(scope="module")
def ccxt() -> Any:
    import ccxt  # heavy

    return ccxt


def kraken(ccxt: Any, doubles: Doubles, *, key: str = KRAKEN_READ.key, secret: str = KRAKEN_READ.secret) -> Any:
    exchange = ccxt.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False, "timeout": 5000})
    exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = doubles.urls.kraken_rest
    return exchange


async def post(
    http: aiohttp.ClientSession,
    doubles: Doubles,
    path: str,
    *,
    credential: Credential = KRAKEN_READ,
    nonce: int,
    **fields: str,
) -> Any:
    body = urlencode({"nonce": nonce, **fields})
    headers = {
        "API-Key": credential.key,
        "API-Sign": sign(path, nonce=str(nonce), body=body, secret=credential.secret),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with http.post(doubles.urls.kraken_rest + path, data=body, headers=headers) as response:
        assert response.status == 200
        return await response.json()


async def test_ccxt_reads_every_pair_with_its_grid(ccxt: Any, doubles: Doubles) -> None:
    markets = await asyncio.to_thread(kraken(ccxt, doubles).load_markets)
    assert set(markets) == {pair.symbol for pair in DEFAULT_PAIRS}
    bitcoin = markets["BTC/USD"]
    assert (bitcoin["id"], bitcoin["precision"]["price"], bitcoin["precision"]["amount"]) == ("XXBTZUSD", 0.1, 1e-8)
    assert bitcoin["info"]["fees"] == bitcoin["info"]["fees_maker"] == []
    assert all(market["active"] for market in markets.values())


async def test_ccxt_reads_books_by_rest(ccxt: Any, doubles: Doubles) -> None:
    exchange = kraken(ccxt, doubles)
    for pair in DEFAULT_PAIRS:
        book = await asyncio.to_thread(exchange.fetch_order_book, pair.symbol, 10)
        assert len(book["bids"]) == len(book["asks"]) == 10
        assert book["bids"][0][0] < book["asks"][0][0]


async def test_ccxt_reads_ticker_time_status_and_candles(ccxt: Any, doubles: Doubles) -> None:
    exchange = kraken(ccxt, doubles)
    ticker = await asyncio.to_thread(exchange.fetch_ticker, "DOGE/USD")
    assert ticker["bid"] < ticker["ask"]
    assert abs(await asyncio.to_thread(exchange.fetch_time) - time.time() * 1000) < 60_000
    assert (await asyncio.to_thread(exchange.fetch_status))["status"] == "ok"
    assert len(await asyncio.to_thread(exchange.fetch_ohlcv, "SOL/USD", "1m")) == 720
    assert isinstance(await asyncio.to_thread(exchange.fetch_trades, "SOL/USD"), list)


async def test_ccxt_reads_balances_fees_and_empty_orders_with_either_key(ccxt: Any, doubles: Doubles) -> None:
    for credential in (KRAKEN_TRADE, KRAKEN_READ):
        exchange = kraken(ccxt, doubles, key=credential.key, secret=credential.secret)
        balance = await asyncio.to_thread(exchange.fetch_balance)
        assert {code: Decimal(str(held)) for code, held in balance["total"].items()} == dict(KRAKEN_BALANCES)
        fee = await asyncio.to_thread(exchange.fetch_trading_fee, "BTC/USD")
        assert (fee["taker"], fee["maker"]) == (0.004, 0.0025)
        assert await asyncio.to_thread(exchange.fetch_open_orders) == []
        assert await asyncio.to_thread(exchange.fetch_closed_orders) == []


@pytest.mark.parametrize(
    ("key", "secret", "text"),
    [
        (KRAKEN_READ.key, KRAKEN_TRADE.secret, "EAPI:Invalid signature"),
        ("nobody", KRAKEN_READ.secret, "EAPI:Invalid key"),
    ],
)
async def test_ccxt_is_refused_with_a_bad_key_or_signature(
    ccxt: Any, doubles: Doubles, key: str, secret: str, text: str
) -> None:
    exchange = kraken(ccxt, doubles, key=key, secret=secret)
    with pytest.raises(ccxt.ExchangeError, match=text):
        await asyncio.to_thread(exchange.private_post_balance)


async def test_ccxt_is_refused_with_a_used_nonce(ccxt: Any, doubles: Doubles) -> None:
    exchange = kraken(ccxt, doubles)
    exchange.incrementing_nonce = lambda: 1_790_000_000_000
    await asyncio.to_thread(exchange.private_post_balance)
    with pytest.raises(ccxt.InvalidNonce, match="EAPI:Invalid nonce"):
        await asyncio.to_thread(exchange.private_post_balance)


async def test_nonces_rise_strictly_for_each_key_by_itself(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    errors = [
        (await post(http, doubles, BALANCE, credential=credential, nonce=nonce))["error"]
        for credential, nonce in [
            (KRAKEN_READ, 5), (KRAKEN_READ, 5), (KRAKEN_READ, 4), (KRAKEN_TRADE, 4), (KRAKEN_READ, 6),
        ]
    ]  # fmt: skip
    assert errors == [[], ["EAPI:Invalid nonce"], ["EAPI:Invalid nonce"], [], []]


async def test_a_badly_signed_request_uses_no_nonce_up(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    forged = Credential(KRAKEN_READ.key, KRAKEN_TRADE.secret)
    assert (await post(http, doubles, BALANCE, credential=forged, nonce=9))["error"] == ["EAPI:Invalid signature"]
    assert (await post(http, doubles, BALANCE, nonce=9))["error"] == []


async def test_a_key_tells_what_it_may_do(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    answer = await post(http, doubles, "/0/private/GetApiKeyInfo", nonce=1)
    assert answer["result"]["permissions"] == list(READ)


async def test_depth_shows_three_decimals_rounded_down(http: aiohttp.ClientSession, doubles: Doubles) -> None:
    async with http.get(f"{doubles.urls.kraken_rest}/0/public/Depth?pair=XBTUSD&count=3") as response:
        rows = (await response.json())["result"]["XXBTZUSD"]["asks"]
    assert len(rows) == 3
    assert all(len(quantity.partition(".")[2]) == 3 and Decimal(quantity) > 0 for _, quantity, _ in rows)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/0/public/Depth?pair=PEPEUSD", "EQuery:Unknown asset pair"),
        ("/0/public/Depth?pair=XBTUSD&count=many", "EGeneral:Invalid arguments:count"),
        ("/0/public/Nothing", "EGeneral:Unknown method"),
        ("/0/public/OHLC?pair=XBTUSD&interval=7", "EGeneral:Invalid arguments:interval"),
    ],
)
async def test_bad_public_requests_are_refused_with_status_200(
    http: aiohttp.ClientSession, doubles: Doubles, path: str, error: str
) -> None:
    async with http.get(doubles.urls.kraken_rest + path) as response:
        assert (response.status, await response.json()) == (200, {"error": [error]})


async def test_usdc_is_quoted_here_and_not_on_alpaca(doubles: Doubles) -> None:
    usdc = Pair.parse("BTC/USDC")
    assert MarketKey("kraken", usdc) in doubles.market.markets
    assert MarketKey("alpaca", usdc) not in doubles.market.markets
