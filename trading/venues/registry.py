"""Which adapter serves which venue, built from typed settings that the caller hands in."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple, Protocol, cast

import structlog

from domain.market import Clock, Pair
from domain.secret import Credentials
from trading.venues.alpaca import feed as alpaca_feed
from trading.venues.alpaca import listings as alpaca_listings
from trading.venues.alpaca import polling as alpaca_polling
from trading.venues.alpaca import trade as alpaca_trade
from trading.venues.base import AccountSource, MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.kraken import feed as kraken_feed
from trading.venues.kraken import trade as kraken_trade

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


class _Configured(NamedTuple):
    venue: str
    adapter: str
    settings: KrakenSettings | AlpacaSettings


def adapters(venues: VenueSettings) -> Mapping[str, str]:
    """Return the adapter of every venue by its name; venues of one adapter show one exchange's books."""
    return {one.venue: one.adapter for one in _configured(venues)}


def addresses(venues: VenueSettings) -> Mapping[str, str]:
    """Return every address that market data comes from, under the name of its venue and what it is."""
    found: dict[str, str] = {}
    for one in _configured(venues):
        names = ("rest_url", "ws_url") if one.adapter == KRAKEN else ("data_url", "stream_url")
        found |= {f"{one.venue}'s {name.replace('_', ' ')}": str(getattr(one.settings, name)) for name in names}
    return found


def market_sources(venues: VenueSettings, *, clock: Clock, rng: Random, max_age_ms: int) -> tuple[MarketSource, ...]:
    """Return a source of books for each venue; Alpaca without a data key is asked at a pace, and that is said."""
    return tuple(_source(one, clock, rng, max_age_ms) for one in _configured(venues))


def account_sources(venues: VenueSettings, pairs: Sequence[Pair], *, clock: Clock) -> dict[str, AccountSource]:
    """Return what can be asked about accounts and listings, by venue.

    Without a key Kraken lists its pairs alone, and Alpaca those of a dated table that it serves; it lists them to a
    market-data key just as well as to a read key.
    """
    return {one.venue: _account(one, pairs, clock) for one in _configured(venues)}


def _configured(venues: VenueSettings) -> Iterator[_Configured]:
    yield _Configured(KRAKEN, KRAKEN, venues.kraken)
    yield _Configured(ALPACA, ALPACA, venues.alpaca)
    for one in venues.more:
        yield _Configured(one.name, one.adapter, one.settings)


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
