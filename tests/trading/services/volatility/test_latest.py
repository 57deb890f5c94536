"""The latest figures, asked for by venue or by chain, from plain and from asynchronous code."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from domain.features import FeatureContext
from domain.scope import Mode, Scope
from tests.fakes import SIM
from tests.trading.services.volatility.watching import START
from trading.models import MarketVolatility
from trading.services.volatility import feature_contexts, get_latest_volatility, get_market_data_collector


def row(venue: str, minute: float, *, scope: Scope = SIM, symbol: str = "ETH/USDC", **figures: float | None) -> None:
    at = START + timedelta(minutes=minute)
    MarketVolatility.objects.create(**scope.columns, timestamp=at, venue=venue, symbol=symbol, **figures)


@pytest.mark.django_db
def test_the_latest_row_of_the_market_in_its_scope_is_returned():
    for minute, day in ((0, 0.1), (2, 0.3), (1, 0.2)):
        row("kraken", minute, volatility_24h=day)
    row("kraken", 3, scope=Scope(Mode.SIM, "another"), volatility_24h=0.9)
    row("alpaca", 3, volatility_24h=0.8)
    row("kraken", 3, symbol="BTC/USD", volatility_24h=0.7)
    assert get_latest_volatility("ETH/USDC", "kraken", scope=SIM).volatility_24h == 0.3


@pytest.mark.django_db
def test_of_a_market_that_was_never_measured_there_is_none():
    assert get_latest_volatility("ETH/USDC", "kraken", scope=SIM) is None


@pytest.mark.django_db
def test_a_chain_means_its_deepest_pool_of_those_measured_lately():
    row("uniswap_v2", 10, volatility_24h=0.4, liquidity_usd=2e6)
    row("sushiswap", 10, volatility_24h=0.5, liquidity_usd=1e6)
    row("uniswap_v3_500", 0, volatility_24h=0.6, liquidity_usd=9e6)
    row("quickswap_v2", 10, volatility_24h=0.7, liquidity_usd=9e6)
    row("kraken", 10, volatility_24h=0.8, liquidity_usd=9e6)
    assert get_latest_volatility("ETH/USDC", "ethereum", scope=SIM).venue == "uniswap_v2"
    assert get_latest_volatility("ETH/USDC", "polygon", scope=SIM).venue == "quickswap_v2"


@pytest.mark.django_db(transaction=True)
async def test_the_collector_answers_asynchronous_code():
    scope = settings.ARB.scope
    await MarketVolatility.objects.acreate(
        **scope.columns, timestamp=START, venue="uniswap_v2", symbol="ETH/USDC", volatility_24h=0.5
    )
    collector = get_market_data_collector()
    metrics = await collector.get_latest_volatility("ETH/USDC", "ethereum")
    assert metrics.volatility_24h == 0.5
    assert await collector.get_latest_volatility("ETH/USDC", "kraken") is None
    await sync_to_async(connections.close_all)()  # of the thread that answers


@pytest.mark.django_db
def test_the_models_are_told_of_each_pair_what_its_deepest_market_shows():
    figures = {"volatility_1h": 0.3, "volatility_24h": 0.2, "returns_1h": 0.01}
    row("kraken", 0, liquidity_usd=5e5, **figures)
    row("alpaca", 0, liquidity_usd=1e5, volatility_1h=0.9)
    row("kraken", -9, symbol="BTC/USD", volatility_1h=0.9)
    assert feature_contexts(SIM, now=START + timedelta(seconds=1)) == {"ETH/USDC": FeatureContext(**figures)}


@pytest.mark.django_db
def test_what_a_row_does_not_know_stays_unknown():
    row("kraken", 0, volatility_1h=0.3)
    context = feature_contexts(SIM, now=START)["ETH/USDC"]
    assert context.volatility_1h == 0.3
    assert context.volatility_24h != context.volatility_24h  # nan alone is unlike itself
