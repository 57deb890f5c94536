"""Which adapter serves which venue."""

from dataclasses import replace
from random import Random

from django.conf import settings

from arbsite.config.tree import Venues
from domain.market import Pair
from domain.secret import Credentials, Secret
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues import registry
from trading.venues.base import MarketSource

KEYS = Credentials(Secret("k"), Secret("s"))
PAIRS = (Pair.parse("BTC/USD"),)


def venues(*, data: Credentials | None = KEYS, read: Credentials | None = KEYS) -> Venues:
    configured: Venues = settings.ARB.venues
    alpaca = replace(configured.alpaca, data=data, read=read, stream_url="ws://127.0.0.1:1/v1beta3/crypto/us")
    return replace(configured, alpaca=alpaca, kraken=replace(configured.kraken, read=read))


def sources(configured: Venues) -> tuple[MarketSource, ...]:
    return registry.market_sources(configured, clock=SYSTEM_CLOCK, rng=Random(1), max_age_ms=2000)


def test_every_venue_with_its_keys_is_a_source_of_its_own_origin() -> None:
    found = sources(venues())
    assert [source.venue for source in found] == ["kraken", "alpaca"]
    assert len({source.status.origin for source in found}) == 2


def test_alpaca_without_a_data_key_is_left_out() -> None:
    assert [source.venue for source in sources(venues(data=None))] == ["kraken"]


def test_without_any_key_only_kraken_can_be_asked() -> None:
    assert set(registry.account_sources(venues(), PAIRS, clock=SYSTEM_CLOCK)) == {"kraken", "alpaca"}
    assert set(registry.account_sources(venues(read=None, data=None), PAIRS, clock=SYSTEM_CLOCK)) == {"kraken"}
