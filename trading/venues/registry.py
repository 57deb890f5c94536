"""Builds what asks each venue of the roster, from typed settings that the caller hands in."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import cast

import redis.asyncio
import structlog

from domain.market import Clock, Pair
from domain.secret import Credentials
from trading.venues.alpaca import feed as alpaca_feed
from trading.venues.alpaca import listings as alpaca_listings
from trading.venues.alpaca import polling as alpaca_polling
from trading.venues.alpaca import trade as alpaca_trade
from trading.venues.alpaca.bars import AlpacaBars
from trading.venues.bars import BarSource
from trading.venues.base import AccountSource, MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.evm import feed as chain_feed
from trading.venues.evm.listings import PoolListings
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.evm.watch import WatchRules
from trading.venues.identity import PoolKind
from trading.venues.kraken import feed as kraken_feed
from trading.venues.kraken import trade as kraken_trade
from trading.venues.kraken.bars import KrakenBars
from trading.venues.roster import (
    KRAKEN,
    AlpacaSettings,
    ChainSettings,
    Exchange,
    KrakenSettings,
    VenueSettings,
    exchanges,
    tables,
)

log = structlog.get_logger(__name__)

KRAKEN_SILENCE_S = 10.0  # a heartbeat comes each second
ALPACA_SILENCE_S = 30.0  # nothing comes between two changes


def bar_sources(venues: VenueSettings) -> Mapping[str, BarSource]:
    """Return who tells of each exchange's minutes; pools tell of none."""
    return {
        one.venue: KrakenBars(one.rest_url) if one.adapter == KRAKEN else AlpacaBars(one.rest_url)
        for one in exchanges(venues)
    }


def market_sources(
    venues: VenueSettings,
    *,
    clock: Clock,
    rng: Random,
    max_age_ms: int,
    redis: "redis.asyncio.Redis | None" = None,
) -> tuple[MarketSource, ...]:
    """Return a source for each exchange and each watched chain, whose processes share answers and budget by Redis.

    Alpaca without a data key is asked at a pace, and that is said.
    """
    found = (_source(one, clock, rng, max_age_ms) for one in exchanges(venues))
    return (*found, *chain_sources(venues, clock=clock, rng=rng, max_age_ms=max_age_ms, redis=redis))


def chain_sources(
    venues: VenueSettings,
    *,
    clock: Clock,
    rng: Random,
    max_age_ms: int,
    redis: "redis.asyncio.Redis | None" = None,
) -> tuple[chain_feed.ChainSource, ...]:
    """Return a source of pools for each watched chain."""
    return tuple(
        chain_feed.ChainSource(_chain_feed(chain, max_age_ms), clock=clock, rng=rng, redis=redis)
        for chain in venues.chains
        if chain.is_watched
    )


def account_sources(venues: VenueSettings, pairs: Sequence[Pair], *, clock: Clock) -> dict[str, AccountSource]:
    """Return what can be asked about accounts and listings, by venue; one of pools tells its listings alone.

    Without a key Kraken lists its pairs alone, and Alpaca those of a dated table that it serves; it lists them to a
    market-data key just as well as to a read key.
    """
    found = {one.venue: _account(one, pairs, clock) for one in exchanges(venues)}
    for _, table in tables(venues):
        found |= {pool.venue: PoolListings(pool.venue, table) for pool in table.pools_of(PoolKind.V2)}
    return found


def _chain_feed(chain: ChainSettings, max_age_ms: int) -> chain_feed.ChainFeedSettings:
    return chain_feed.ChainFeedSettings(
        RpcSettings(chain.name, chain.chain_id, chain.rpc_urls, requests_per_s=chain.requests_per_s),
        chain.ws_url,
        chain.poll_ms,
        WatchRules(chain.chain_id, max_age_ms, chain.max_head_age_ms, chain.tip_wei),
        chain.deployment,
    )


def _source(one: Exchange, clock: Clock, rng: Random, max_age_ms: int) -> MarketSource:
    if one.adapter == KRAKEN:
        return _kraken_feed(one.venue, cast(KrakenSettings, one.settings), clock, rng, max_age_ms)
    settings = cast(AlpacaSettings, one.settings)
    if settings.data is None:
        log.warning("venue_polled", venue=one.venue, every_ms=settings.poll_ms, reason="ALPACA_DATA_API_KEY is not set")
        return _alpaca_rest_feed(one.venue, settings, clock, rng, max_age_ms)
    return _alpaca_feed(one.venue, settings, settings.data, clock, rng, max_age_ms)


def _account(one: Exchange, pairs: Sequence[Pair], clock: Clock) -> AccountSource:
    if one.adapter == KRAKEN:
        kraken = cast(KrakenSettings, one.settings)
        return kraken_trade.KrakenAccount(kraken.rest_url, kraken.read, pairs, clock=clock)
    alpaca = cast(AlpacaSettings, one.settings)
    keys = alpaca.read or alpaca.data
    if keys is None:
        return alpaca_listings.KeylessAlpaca(alpaca.data_url, pairs)
    return alpaca_trade.AlpacaAccount(alpaca.trading_url, keys, clock=clock)


def _kraken_feed(
    venue: str, settings: KrakenSettings, clock: Clock, rng: Random, max_age_ms: int
) -> kraken_feed.KrakenFeed:
    socket = SocketSettings(settings.ws_url, silence_s=KRAKEN_SILENCE_S)
    return kraken_feed.KrakenFeed(
        kraken_feed.KrakenFeedSettings(socket, settings.rest_url, max_age_ms, venue=venue), clock=clock, rng=rng
    )


def _alpaca_feed(
    venue: str, settings: AlpacaSettings, keys: Credentials, clock: Clock, rng: Random, max_age_ms: int
) -> alpaca_feed.AlpacaFeed:
    socket = SocketSettings(settings.stream_url, silence_s=ALPACA_SILENCE_S, headers=alpaca_feed.CODEC_HEADERS)
    return alpaca_feed.AlpacaFeed(
        alpaca_feed.AlpacaFeedSettings(socket, settings.data_url, keys.key, keys.secret, max_age_ms, venue=venue),
        clock=clock,
        rng=rng,
    )


def _alpaca_rest_feed(
    venue: str, settings: AlpacaSettings, clock: Clock, rng: Random, max_age_ms: int
) -> alpaca_polling.AlpacaRestFeed:
    return alpaca_polling.AlpacaRestFeed(
        alpaca_polling.AlpacaRestSettings(settings.data_url, settings.poll_ms, max_age_ms, venue=venue),
        clock=clock,
        rng=rng,
    )
