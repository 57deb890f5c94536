"""Which adapter asks which venue."""

from dataclasses import replace
from random import Random

import pytest

from arbsite.config.tree import VenueInstance, Venues
from domain.errors import Refused
from domain.market import Asset
from tests.trading.venues.configured import ETH_USDC, PAIRS, chain, venues, with_chains
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues import registry, roster
from trading.venues.base import MarketSource
from trading.venues.roster import PoolVenue


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
    assert roster.rest_urls(several)["k2"] == "http://127.0.0.1:2"
    assert set(registry.bar_sources(several)) == {"kraken", "alpaca", "k2", "a2", "a3"}
    found = sources(several)
    assert [source.venue for source in found] == ["kraken", "alpaca", "k2", "a2", "a3"]
    assert [source.status.venue for source in found] == [source.venue for source in found]
    assert roster.adapters(several) == {source.venue: source.status.origin for source in found}
    assert set(registry.account_sources(several, PAIRS, clock=SYSTEM_CLOCK)) == {source.venue for source in found}


def test_a_watched_chain_is_a_source_and_its_pools_are_venues_of_their_own() -> None:
    configured = with_chains(chain(), chain("polygon", 137))
    assert [source.venue for source in sources(configured)] == ["kraken", "alpaca", "ethereum", "polygon"]
    pools = roster.pool_venues(configured)
    assert set(pools) == {"uniswap_v2", "sushiswap", "quickswap_v2", "sushiswap_polygon"}
    assert pools["uniswap_v2"] == PoolVenue("uniswap_v2", "ethereum", 1, Asset("ETH"))
    assert pools["quickswap_v2"] == PoolVenue("quickswap_v2", "polygon", 137, Asset("POL"))
    assert set(pools) <= set(roster.adapters(configured))


def test_a_chain_without_a_node_is_not_watched() -> None:
    configured = with_chains(chain(url=""))
    assert [source.venue for source in sources(configured)] == ["kraken", "alpaca"]
    assert roster.pool_venues(configured) == {}
    assert set(roster.pairs_by_source(configured, {})) == {"kraken", "alpaca"}


def test_pool_venues_list_their_pools_in_the_tokens_own_units_and_have_no_account() -> None:
    asked = registry.account_sources(with_chains(chain()), PAIRS, clock=SYSTEM_CLOCK)
    (listing,) = [one for one in asked["uniswap_v2"].listings() if one.pair == ETH_USDC]
    assert listing.venue_symbol == "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc"
    assert (str(listing.lot.step), str(listing.lot.min_quote)) == ("1E-18", "0.000001")
    with pytest.raises(Refused, match="uniswap_v2 has no account"):
        asked["uniswap_v2"].account()


def test_each_chain_s_source_declares_its_chain_as_origin() -> None:
    one, other = registry.chain_sources(
        with_chains(chain(), chain("polygon", 137)), clock=SYSTEM_CLOCK, rng=Random(1), max_age_ms=2000
    )
    assert (one.status.origin, other.status.origin) == ("chain 1", "chain 137")
