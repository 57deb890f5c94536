"""Which adapter serves which venue, built from typed settings that the caller hands in."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

import structlog

from domain.market import Clock, Pair
from domain.secret import Credentials
from trading.venues.alpaca import feed as alpaca_feed
from trading.venues.alpaca import trade as alpaca_trade
from trading.venues.base import AccountSource, MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.kraken import feed as kraken_feed
from trading.venues.kraken import trade as kraken_trade

log = structlog.get_logger(__name__)

KRAKEN = "kraken"
ALPACA = "alpaca"
VENUES = (KRAKEN, ALPACA)
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
    def read(self) -> Credentials | None:
        """Return the read key."""

    @property
    def data(self) -> Credentials | None:
        """Return the market-data key."""


class VenueSettings(Protocol):
    """How every venue is reached."""

    @property
    def kraken(self) -> KrakenSettings:
        """Return how Kraken is reached."""

    @property
    def alpaca(self) -> AlpacaSettings:
        """Return how Alpaca is reached."""


def market_sources(venues: VenueSettings, *, clock: Clock, rng: Random, max_age_ms: int) -> tuple[MarketSource, ...]:
    """Return a source of books for each venue that can be reached; Alpaca without a data key is left out, and said."""
    sources: list[MarketSource] = [_kraken_feed(venues.kraken, clock, rng, max_age_ms)]
    if venues.alpaca.data is None:
        log.warning("venue_left_out", venue=ALPACA, reason="ALPACA_DATA_API_KEY is not set")
    else:
        sources.append(_alpaca_feed(venues.alpaca, venues.alpaca.data, clock, rng, max_age_ms))
    return tuple(sources)


def account_sources(venues: VenueSettings, pairs: Sequence[Pair], *, clock: Clock) -> dict[str, AccountSource]:
    """Return what can be asked about accounts and listings, by venue; without a key Kraken lists its pairs alone.

    Alpaca lists its pairs to a market-data key just as well.
    """
    alpaca_keys = venues.alpaca.read or venues.alpaca.data
    sources: dict[str, AccountSource] = {
        KRAKEN: kraken_trade.KrakenAccount(venues.kraken.rest_url, venues.kraken.read, pairs, clock=clock)
    }
    if alpaca_keys is not None:
        sources[ALPACA] = alpaca_trade.AlpacaAccount(venues.alpaca.trading_url, alpaca_keys, clock=clock)
    return sources


def _kraken_feed(settings: KrakenSettings, clock: Clock, rng: Random, max_age_ms: int) -> kraken_feed.KrakenFeed:
    socket = SocketSettings(settings.ws_url, silence_s=KRAKEN_SILENCE_S)
    return kraken_feed.KrakenFeed(
        kraken_feed.KrakenFeedSettings(socket, settings.rest_url, max_age_ms), clock=clock, rng=rng
    )


def _alpaca_feed(
    settings: AlpacaSettings, keys: Credentials, clock: Clock, rng: Random, max_age_ms: int
) -> alpaca_feed.AlpacaFeed:
    socket = SocketSettings(settings.stream_url, silence_s=ALPACA_SILENCE_S, headers=alpaca_feed.CODEC_HEADERS)
    return alpaca_feed.AlpacaFeed(
        alpaca_feed.AlpacaFeedSettings(socket, settings.data_url, keys.key, keys.secret, max_age_ms),
        clock=clock,
        rng=rng,
    )
