"""Which adapter serves which venue."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from django.conf import settings

from arbsite.config.tree import Chain, VenueInstance, Venues
from domain.errors import Refused
from domain.market import Asset, Pair
from domain.secret import Credentials, Secret
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues import registry
from trading.venues.base import MarketSource
from trading.venues.registry import PoolVenue

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
    assert registry.rest_urls(several)["k2"] == "http://127.0.0.1:2"
    assert set(registry.bar_sources(several)) == {"kraken", "alpaca", "k2", "a2", "a3"}
    found = sources(several)
    assert [source.venue for source in found] == ["kraken", "alpaca", "k2", "a2", "a3"]
    assert [source.status.venue for source in found] == [source.venue for source in found]
    assert registry.adapters(several) == {source.venue: source.status.origin for source in found}
    assert set(registry.account_sources(several, PAIRS, clock=SYSTEM_CLOCK)) == {source.venue for source in found}


def chain(
    name: str = "ethereum", chain_id: int = 1, *, url: str = "http://127.0.0.1:1", table: Path | None = None
) -> Chain:
    urls = (Secret(url),) if url else ()
    return Chain(name, chain_id, urls, None, 1000, 60_000, 300, 10**9, table)


def with_chains(*chains: Chain) -> Venues:
    return replace(venues(), chains=chains)


ETH_USDC, ETH_DAI, POL_USDC = map(Pair.parse, ("ETH/USDC", "ETH/DAI", "POL/USDC"))


def test_a_watched_chain_is_a_source_and_its_pools_are_venues_of_their_own() -> None:
    configured = with_chains(chain(), chain("polygon", 137))
    assert [source.venue for source in sources(configured)] == ["kraken", "alpaca", "ethereum", "polygon"]
    pools = registry.pool_venues(configured)
    assert set(pools) == {"uniswap_v2", "sushiswap", "quickswap_v2", "sushiswap_polygon"}
    assert pools["uniswap_v2"] == PoolVenue("uniswap_v2", "ethereum", 1, Asset("ETH"))
    assert pools["quickswap_v2"] == PoolVenue("quickswap_v2", "polygon", 137, Asset("POL"))
    assert set(pools) <= set(registry.adapters(configured))


def test_a_chain_without_a_node_is_not_watched() -> None:
    configured = with_chains(chain(url=""))
    assert [source.venue for source in sources(configured)] == ["kraken", "alpaca"]
    assert registry.pool_venues(configured) == {}
    assert set(registry.pairs_by_source(configured, {})) == {"kraken", "alpaca"}


def test_pool_venues_list_their_pools_in_the_tokens_own_units_and_have_no_account() -> None:
    asked = registry.account_sources(with_chains(chain()), PAIRS, clock=SYSTEM_CLOCK)
    (listing,) = [one for one in asked["uniswap_v2"].listings() if one.pair == ETH_USDC]
    assert listing.venue_symbol == "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc"
    assert (str(listing.lot.step), str(listing.lot.min_quote)) == ("1E-18", "0.000001")
    with pytest.raises(Refused, match="uniswap_v2 has no account"):
        asked["uniswap_v2"].account()


def test_a_chain_streams_the_pairs_of_all_its_venues_and_what_only_its_v3_pools_have() -> None:
    configured = with_chains(chain("polygon", 137))
    listed = {"kraken": PAIRS, "quickswap_v2": (POL_USDC,), "sushiswap_polygon": (POL_USDC,)}
    found = registry.pairs_by_source(configured, listed, shown=(ETH_USDC, ETH_DAI))
    assert found == {"kraken": PAIRS, "alpaca": (), "polygon": (POL_USDC, ETH_USDC)}


def test_venues_are_independent_only_where_their_declared_origins_differ() -> None:
    again = VenueInstance("k2", "kraken", venues().kraken)
    told = registry.origins(replace(with_chains(chain()), more=(again,)))
    assert told["kraken"] == told["k2"]
    independent = ["kraken", "alpaca", "uniswap_v2", "sushiswap"]
    assert len({told[venue] for venue in independent}) == len(independent)


def test_alpaca_s_feed_of_kraken_s_books_is_not_independent_of_kraken() -> None:
    configured = venues()
    same = replace(configured, alpaca=replace(configured.alpaca, stream_url="wss://stream.test/v1beta3/crypto/us-1"))
    assert registry.origins(configured)["alpaca"] != registry.origins(configured)["kraken"]
    assert registry.origins(same)["alpaca"] == registry.origins(same)["kraken"]


def test_a_chain_whose_table_cannot_be_read_has_no_venue_and_its_source_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps([]))
    configured = with_chains(chain(table=tmp_path / "bad.json"), chain("polygon", 137))
    assert set(registry.pool_venues(configured)) == {"quickswap_v2", "sushiswap_polygon"}
    assert registry.pairs_by_source(configured, {}, shown=PAIRS)["ethereum"] == PAIRS


def test_each_chain_s_source_declares_its_chain_as_origin() -> None:
    one, other = registry.chain_sources(
        with_chains(chain(), chain("polygon", 137)), clock=SYSTEM_CLOCK, rng=Random(1), max_age_ms=2000
    )
    assert (one.status.origin, other.status.origin) == ("chain 1", "chain 137")
