"""Which adapter serves which venue."""

from dataclasses import replace
from random import Random

import pytest
from django.conf import settings

from arbsite.config.tree import VenueInstance, Venues
from domain.errors import Refused
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


def test_alpaca_without_a_data_key_is_polled_at_the_pace_that_is_set_and_says_so() -> None:
    configured = venues(data=None)
    polled = sources(replace(configured, alpaca=replace(configured.alpaca, poll_ms=1500)))
    assert [source.status.polled_every_ms for source in polled] == [None, 1500]


def test_without_any_key_every_venue_can_be_asked_and_tells_of_no_account() -> None:
    asked = registry.account_sources(venues(read=None, data=None), PAIRS, clock=SYSTEM_CLOCK)
    assert set(asked) == {"kraken", "alpaca"}
    with pytest.raises(Refused, match="ALPACA_READ_API_KEY"):
        asked["alpaca"].account()


def test_a_further_configuration_is_a_venue_of_its_own_name_and_of_its_adapter_s_origin() -> None:
    configured = venues()
    more = (
        VenueInstance("k2", "kraken", replace(configured.kraken, rest_url="http://127.0.0.1:2")),
        VenueInstance("a2", "alpaca", configured.alpaca),
        VenueInstance("a3", "alpaca", replace(configured.alpaca, data=None)),
    )
    several = replace(configured, more=more)
    found = sources(several)
    assert [source.venue for source in found] == ["kraken", "alpaca", "k2", "a2", "a3"]
    assert [source.status.venue for source in found] == [source.venue for source in found]
    assert registry.adapters(several) == {source.venue: source.status.origin for source in found}
    assert set(registry.account_sources(several, PAIRS, clock=SYSTEM_CLOCK)) == {source.venue for source in found}
