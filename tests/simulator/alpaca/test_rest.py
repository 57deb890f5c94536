"""Alpaca's trading and data REST as unmodified alpaca-py meets them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from simulator.accounts import ALPACA_BALANCES, ALPACA_DATA, ALPACA_READ, ALPACA_TRADE, Credential
from simulator.instruments import ALPACA, DEFAULT_PAIRS, instrument_of
from simulator.server import Doubles

LISTED = {pair.symbol for pair in DEFAULT_PAIRS if ALPACA in instrument_of(pair).venues}


def trading(doubles: Doubles, credential: Credential = ALPACA_READ) -> Any:
    from alpaca.trading.client import TradingClient  # heavy

    return TradingClient(credential.key, credential.secret, url_override=doubles.urls.alpaca_trading)


def data(doubles: Doubles, credential: Credential | None = ALPACA_DATA) -> Any:
    from alpaca.data.historical import CryptoHistoricalDataClient  # heavy

    keys = (credential.key, credential.secret) if credential else (None, None)
    return CryptoHistoricalDataClient(*keys, url_override=doubles.urls.alpaca_data)


async def test_the_trading_client_reads_the_account_with_either_key(doubles: Doubles) -> None:
    for credential in (ALPACA_TRADE, ALPACA_READ):
        account = await asyncio.to_thread(trading(doubles, credential).get_account)
        assert Decimal(account.cash) == ALPACA_BALANCES["USD"]
        assert Decimal(account.equity) > Decimal(account.cash)
        assert (account.status, account.trading_blocked) == ("ACTIVE", False)


async def test_the_trading_client_reads_the_assets_it_may_trade(doubles: Doubles) -> None:
    from alpaca.trading.requests import GetAssetsRequest

    request = GetAssetsRequest(asset_class="crypto")
    assets = await asyncio.to_thread(trading(doubles).get_all_assets, request)
    assert {asset.symbol for asset in assets} == LISTED
    assert all(asset.tradable and not asset.shortable and asset.price_increment for asset in assets)
    by_symbol = await asyncio.to_thread(trading(doubles).get_asset, "BTC/USD")
    assert by_symbol.id == next(asset.id for asset in assets if asset.symbol == "BTC/USD")


async def test_the_trading_client_reads_positions_clock_and_no_orders(doubles: Doubles) -> None:
    client = trading(doubles)
    positions = await asyncio.to_thread(client.get_all_positions)
    held = {position.symbol: Decimal(position.qty) for position in positions}
    assert held == {f"{coin}USD": amount for coin, amount in ALPACA_BALANCES.items() if coin != "USD"}
    assert abs((await asyncio.to_thread(client.get_clock)).timestamp - datetime.now(UTC)) < timedelta(minutes=1)
    assert await asyncio.to_thread(client.get_orders) == []


@pytest.mark.parametrize("credential", [ALPACA_DATA, None], ids=["with keys", "without keys"])
async def test_the_data_client_reads_books_and_quotes(doubles: Doubles, credential: Credential | None) -> None:
    from alpaca.data.requests import CryptoLatestOrderbookRequest, CryptoLatestQuoteRequest

    client, symbols = data(doubles, credential), sorted(LISTED)
    books = await asyncio.to_thread(
        client.get_crypto_latest_orderbook, CryptoLatestOrderbookRequest(symbol_or_symbols=symbols)
    )
    quotes = await asyncio.to_thread(
        client.get_crypto_latest_quote, CryptoLatestQuoteRequest(symbol_or_symbols=symbols)
    )
    assert set(books) == set(quotes) == LISTED
    assert all(book.bids[0].price < book.asks[0].price for book in books.values())
    assert all(0 < quote.bid_price < quote.ask_price for quote in quotes.values())


async def test_the_data_client_reads_bars_of_the_day_before(doubles: Doubles) -> None:
    from alpaca.data.requests import CryptoBarsRequest
    from alpaca.data.timeframe import TimeFrame

    start = datetime.now(UTC) - timedelta(hours=6)
    request = CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Hour, start=start)
    bars = (await asyncio.to_thread(data(doubles).get_crypto_bars, request)).data["BTC/USD"]
    assert 6 <= len(bars) <= 7
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


@pytest.mark.parametrize(
    ("credential", "status"),
    [(Credential(ALPACA_READ.key, "wrong"), 401), (Credential("nobody", ALPACA_READ.secret), 401)],
)
async def test_bad_keys_are_refused_everywhere(doubles: Doubles, credential: Credential, status: int) -> None:
    from alpaca.common.exceptions import APIError
    from alpaca.data.requests import CryptoLatestQuoteRequest

    request = CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD")
    with pytest.raises(APIError) as trading_error:
        await asyncio.to_thread(trading(doubles, credential).get_account)
    with pytest.raises(APIError) as data_error:
        await asyncio.to_thread(data(doubles, credential).get_crypto_latest_quote, request)
    for error in (trading_error, data_error):
        assert (error.value.status_code, error.value.code) == (status, 40110000)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v2/account", 403, "forbidden."),
        ("/v1beta3/crypto/us-1/latest/quotes?symbols=BTC/USD", 400, "invalid location: us-1"),
        ("/v1beta3/crypto/us/latest/quotes?symbols=PEPE/USD", 400, "invalid symbol: PEPE/USD"),
        ("/v1beta3/crypto/us/latest/quotes", 400, "symbols is required"),
        ("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=7Eons", 400, "invalid timeframe: 7Eons"),
        ("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Min&limit=-1", 400, "invalid limit: -1"),
        ("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Min&start=soon", 400, "invalid time: soon"),
    ],
)
async def test_bad_requests_are_refused_by_name(
    http: aiohttp.ClientSession, doubles: Doubles, path: str, status: int, message: str
) -> None:
    async with http.get(doubles.urls.alpaca_data + path) as response:
        assert (response.status, (await response.json())["message"]) == (status, message)
