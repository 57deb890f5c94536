"""Which adapter serves which venue, built from typed settings that the caller hands in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol, cast

import redis.asyncio
import structlog

from domain.errors import BadInput
from domain.market import Asset, Clock, Pair
from domain.secret import Credentials, Secret
from trading.venues.alpaca import feed as alpaca_feed
from trading.venues.alpaca import listings as alpaca_listings
from trading.venues.alpaca import polling as alpaca_polling
from trading.venues.alpaca import trade as alpaca_trade
from trading.venues.alpaca.bars import AlpacaBars
from trading.venues.bars import BarSource
from trading.venues.base import AccountSource, MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.evm import feed as chain_feed
from trading.venues.evm.deployment import table_of
from trading.venues.evm.listings import PoolListings
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.evm.watch import WatchRules
from trading.venues.identity import ALPACA_FEEDS, ChainTable, PoolKind
from trading.venues.kraken import feed as kraken_feed
from trading.venues.kraken import trade as kraken_trade
from trading.venues.kraken.bars import KrakenBars

log = structlog.get_logger(__name__)

KRAKEN = "kraken"
ALPACA = "alpaca"
KRAKEN_SILENCE_S = 10.0  # a heartbeat comes each second
ALPACA_SILENCE_S = 30.0  # nothing comes between two changes


class KrakenSettings(Protocol):
    """What we need to know to reach Kraken."""

    @property
    def rest_url(self) -> str:
        """Return where REST answers."""

    @property
    def ws_url(self) -> str:
        """Return where the WebSocket answers."""

    @property
    def read(self) -> Credentials | None:
        """Return the read key."""


class AlpacaSettings(Protocol):
    """What we need to know to reach Alpaca."""

    @property
    def trading_url(self) -> str:
        """Return where trading REST answers."""

    @property
    def data_url(self) -> str:
        """Return where data REST answers."""

    @property
    def stream_url(self) -> str:
        """Return where the stream answers."""

    @property
    def poll_ms(self) -> int:
        """Return how often books are asked for where there is no market-data key."""

    @property
    def read(self) -> Credentials | None:
        """Return the read key."""

    @property
    def data(self) -> Credentials | None:
        """Return the market-data key."""


class VenueInstance(Protocol):
    """A further configuration of an adapter, under a name of its own."""

    @property
    def name(self) -> str:
        """Return the venue's name."""

    @property
    def adapter(self) -> str:
        """Return which adapter serves it: kraken or alpaca."""

    @property
    def settings(self) -> KrakenSettings | AlpacaSettings:
        """Return how it is reached, in the adapter's own terms."""


class ChainSettings(Protocol):
    """What we need to know to watch a chain."""

    @property
    def name(self) -> str:
        """Return the chain's name."""

    @property
    def chain_id(self) -> int:
        """Return the chain that every node must be on."""

    @property
    def rpc_urls(self) -> tuple[Secret, ...]:
        """Return where its nodes answer, best first."""

    @property
    def ws_url(self) -> Secret | None:
        """Return where new heads are told."""

    @property
    def poll_ms(self) -> int:
        """Return how often the head is asked for."""

    @property
    def max_head_age_ms(self) -> int:
        """Return how old the head of a living chain is at most."""

    @property
    def requests_per_s(self) -> int:
        """Return how often its nodes may be asked, by all processes together."""

    @property
    def tip_wei(self) -> int:
        """Return what we pay per unit of gas beside the base fee."""

    @property
    def deployment(self) -> Path | None:
        """Return the file that replaces the reviewed table."""

    @property
    def is_watched(self) -> bool:
        """Return whether any node is known."""


class VenueSettings(Protocol):
    """How every venue is reached."""

    @property
    def kraken(self) -> KrakenSettings:
        """Return how Kraken is reached."""

    @property
    def alpaca(self) -> AlpacaSettings:
        """Return how Alpaca is reached."""

    @property
    def more(self) -> Sequence[VenueInstance]:
        """Return the further configurations."""

    @property
    def chains(self) -> Sequence[ChainSettings]:
        """Return the chains."""


class PoolVenue(NamedTuple):
    """A venue of constant-product pools: where it is, and what its gas is paid in."""

    venue: str
    chain: str
    chain_id: int
    native: Asset


class _Configured(NamedTuple):
    venue: str
    adapter: str
    settings: KrakenSettings | AlpacaSettings


_known_table = lru_cache(maxsize=16)(table_of)


def adapters(venues: VenueSettings) -> Mapping[str, str]:
    """Return the adapter of every venue by its name; a venue of pools is one by itself."""
    return {one.venue: one.adapter for one in _configured(venues)} | {venue: venue for venue in pool_venues(venues)}


def origins(venues: VenueSettings) -> Mapping[str, str]:
    """Return whose prices each venue shows: two venues are independent only where these differ.

    Every configuration of one exchange shows that exchange's books, and one of Alpaca's feeds shows Kraken's; a venue
    of pools has its own.
    """
    return {one.venue: _origin(one) for one in _configured(venues)} | {venue: venue for venue in pool_venues(venues)}


def pool_venues(venues: VenueSettings) -> Mapping[str, PoolVenue]:
    """Return every venue of constant-product pools on a watched chain; a chain without a table has none."""
    found: dict[str, PoolVenue] = {}
    for chain, table in tables(venues):
        native = Asset(table.native)
        for pool in table.pools_of(PoolKind.V2):
            found[pool.venue] = PoolVenue(pool.venue, chain.name, chain.chain_id, native)
    return found


def sources(venues: VenueSettings) -> Mapping[str, str]:
    """Return who is asked for each venue's markets: for a pool's its chain, else the venue itself."""
    pools = {venue: pool.chain for venue, pool in pool_venues(venues).items()}
    return {one.venue: one.venue for one in _configured(venues)} | pools


def pairs_by_source(
    venues: VenueSettings, pairs: Mapping[str, Sequence[Pair]], shown: Sequence[Pair] = ()
) -> dict[str, tuple[Pair, ...]]:
    """Return what each source streams where venues list ``pairs``: a chain's source serves all its venues.

    Of the ``shown`` pairs a chain streams those that only its concentrated pools have; one whose table cannot be read
    is given them all, and says so.
    """
    found = {one.venue: tuple(pairs.get(one.venue, ())) for one in _configured(venues)}
    found |= {chain.name: tuple(shown) for chain in venues.chains if chain.is_watched}
    for chain, table in tables(venues):
        listed = [pair for pool in table.pools_of(PoolKind.V2) for pair in pairs.get(pool.venue, ())]
        has = {pool.pair for pool in table.pools_of(PoolKind.V3)}
        found[chain.name] = tuple(dict.fromkeys((*listed, *(pair for pair in shown if pair in has))))
    return found


def addresses(venues: VenueSettings) -> Mapping[str, str]:
    """Return every address that market data comes from, under the name of its venue and what it is."""
    found: dict[str, str] = {}
    for one in _configured(venues):
        names = ("rest_url", "ws_url") if one.adapter == KRAKEN else ("data_url", "stream_url")
        found |= {f"{one.venue}'s {name.replace('_', ' ')}": str(getattr(one.settings, name)) for name in names}
    return found


def rest_urls(venues: VenueSettings) -> Mapping[str, str]:
    """Return where each exchange's market data answers by REST."""
    return {one.venue: _rest_url(one) for one in _configured(venues)}


def bar_sources(venues: VenueSettings) -> Mapping[str, BarSource]:
    """Return who tells of each exchange's minutes; pools tell of none."""
    return {
        one.venue: KrakenBars(_rest_url(one)) if one.adapter == KRAKEN else AlpacaBars(_rest_url(one))
        for one in _configured(venues)
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
    exchanges = (_source(one, clock, rng, max_age_ms) for one in _configured(venues))
    return (*exchanges, *chain_sources(venues, clock=clock, rng=rng, max_age_ms=max_age_ms, redis=redis))


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
    found = {one.venue: _account(one, pairs, clock) for one in _configured(venues)}
    for _, table in tables(venues):
        found |= {pool.venue: PoolListings(pool.venue, table) for pool in table.pools_of(PoolKind.V2)}
    return found


def tables(venues: VenueSettings) -> Iterator[tuple[ChainSettings, ChainTable]]:
    """Yield every watched chain with its table; one whose table cannot be read is told by its source."""
    for chain in venues.chains:
        if chain.is_watched:
            with suppress(BadInput):
                yield chain, _known_table(chain.name, chain.chain_id, chain.deployment)


def _configured(venues: VenueSettings) -> Iterator[_Configured]:
    yield _Configured(KRAKEN, KRAKEN, venues.kraken)
    yield _Configured(ALPACA, ALPACA, venues.alpaca)
    for one in venues.more:
        yield _Configured(one.name, one.adapter, one.settings)


def _rest_url(one: _Configured) -> str:
    if one.adapter == KRAKEN:
        return cast(KrakenSettings, one.settings).rest_url
    return cast(AlpacaSettings, one.settings).data_url


def _origin(one: _Configured) -> str:
    if one.adapter == KRAKEN:
        return kraken_feed.ORIGIN
    feed = cast(AlpacaSettings, one.settings).stream_url.rpartition("/")[2]
    return ALPACA_FEEDS.get(feed, alpaca_feed.ORIGIN)


def _chain_feed(chain: ChainSettings, max_age_ms: int) -> chain_feed.ChainFeedSettings:
    return chain_feed.ChainFeedSettings(
        RpcSettings(chain.name, chain.chain_id, chain.rpc_urls, requests_per_s=chain.requests_per_s),
        chain.ws_url,
        chain.poll_ms,
        WatchRules(chain.chain_id, max_age_ms, chain.max_head_age_ms, chain.tip_wei),
        chain.deployment,
    )


def _source(one: _Configured, clock: Clock, rng: Random, max_age_ms: int) -> MarketSource:
    if one.adapter == KRAKEN:
        return _kraken_feed(one.venue, cast(KrakenSettings, one.settings), clock, rng, max_age_ms)
    settings = cast(AlpacaSettings, one.settings)
    if settings.data is None:
        log.warning("venue_polled", venue=one.venue, every_ms=settings.poll_ms, reason="ALPACA_DATA_API_KEY is not set")
        return _alpaca_rest_feed(one.venue, settings, clock, rng, max_age_ms)
    return _alpaca_feed(one.venue, settings, settings.data, clock, rng, max_age_ms)


def _account(one: _Configured, pairs: Sequence[Pair], clock: Clock) -> AccountSource:
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
