"""Which venues there are by the typed settings, under which names, and what is known of them without asking."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from domain.errors import BadInput
from domain.market import Asset, Pair
from domain.secret import Credentials, Secret
from trading.venues.evm.deployment import table_of
from trading.venues.identity import ALPACA_FEEDS, ALPACA_ORIGIN, KRAKEN_ORIGIN, ChainTable, PoolKind

KRAKEN = "kraken"
ALPACA = "alpaca"


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


class Exchange(NamedTuple):
    """One configuration of an exchange's adapter, under its venue's name."""

    venue: str
    adapter: str
    settings: KrakenSettings | AlpacaSettings

    @property
    def rest_url(self) -> str:
        """Return where its market data answers by REST."""
        if self.adapter == KRAKEN:
            return cast(KrakenSettings, self.settings).rest_url
        return cast(AlpacaSettings, self.settings).data_url


_known_table = lru_cache(maxsize=16)(table_of)


def adapters(venues: VenueSettings) -> Mapping[str, str]:
    """Return the adapter of every venue by its name; a venue of pools is one by itself."""
    return {one.venue: one.adapter for one in exchanges(venues)} | {venue: venue for venue in pool_venues(venues)}


def origins(venues: VenueSettings) -> Mapping[str, str]:
    """Return whose prices each venue shows: two venues are independent only where these differ.

    Every configuration of one exchange shows that exchange's books, and one of Alpaca's feeds shows Kraken's; a venue
    of pools has its own.
    """
    return {one.venue: _origin(one) for one in exchanges(venues)} | {venue: venue for venue in pool_venues(venues)}


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
    return {one.venue: one.venue for one in exchanges(venues)} | pools


def pairs_by_source(
    venues: VenueSettings, pairs: Mapping[str, Sequence[Pair]], shown: Sequence[Pair] = ()
) -> dict[str, tuple[Pair, ...]]:
    """Return what each source streams where venues list ``pairs``: a chain's source serves all its venues.

    Of the ``shown`` pairs a chain streams those that only its concentrated pools have; one whose table cannot be read
    is given them all, and says so.
    """
    found = {one.venue: tuple(pairs.get(one.venue, ())) for one in exchanges(venues)}
    found |= {chain.name: tuple(shown) for chain in venues.chains if chain.is_watched}
    for chain, table in tables(venues):
        listed = [pair for pool in table.pools_of(PoolKind.V2) for pair in pairs.get(pool.venue, ())]
        has = {pool.pair for pool in table.pools_of(PoolKind.V3)}
        found[chain.name] = tuple(dict.fromkeys((*listed, *(pair for pair in shown if pair in has))))
    return found


def addresses(venues: VenueSettings) -> Mapping[str, str]:
    """Return every address that market data comes from, under the name of its venue and what it is."""
    found: dict[str, str] = {}
    for one in exchanges(venues):
        names = ("rest_url", "ws_url") if one.adapter == KRAKEN else ("data_url", "stream_url")
        found |= {f"{one.venue}'s {name.replace('_', ' ')}": str(getattr(one.settings, name)) for name in names}
    return found


def rest_urls(venues: VenueSettings) -> Mapping[str, str]:
    """Return where each exchange's market data answers by REST."""
    return {one.venue: one.rest_url for one in exchanges(venues)}


def tables(venues: VenueSettings) -> Iterator[tuple[ChainSettings, ChainTable]]:
    """Yield every watched chain with its table; one whose table cannot be read is told by its source."""
    for chain in venues.chains:
        if chain.is_watched:
            with suppress(BadInput):
                yield chain, _known_table(chain.name, chain.chain_id, chain.deployment)


def exchanges(venues: VenueSettings) -> Iterator[Exchange]:
    """Yield every exchange: the two by their own names, then the further configurations."""
    yield Exchange(KRAKEN, KRAKEN, venues.kraken)
    yield Exchange(ALPACA, ALPACA, venues.alpaca)
    for one in venues.more:
        yield Exchange(one.name, one.adapter, one.settings)


def _origin(one: Exchange) -> str:
    if one.adapter == KRAKEN:
        return KRAKEN_ORIGIN
    feed = cast(AlpacaSettings, one.settings).stream_url.rpartition("/")[2]
    return ALPACA_FEEDS.get(feed, ALPACA_ORIGIN)
