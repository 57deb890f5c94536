"""Which venues there are, under which names."""

import json
from dataclasses import replace
from pathlib import Path

from arbsite.config.tree import VenueInstance
from tests.trading.venues.configured import ETH_DAI, ETH_USDC, PAIRS, POL_USDC, chain, venues, with_chains
from trading.venues import roster


def test_a_chain_streams_the_pairs_of_all_its_venues_and_what_only_its_v3_pools_have() -> None:
    configured = with_chains(chain("polygon", 137))
    listed = {"kraken": PAIRS, "quickswap_v2": (POL_USDC,), "sushiswap_polygon": (POL_USDC,)}
    found = roster.pairs_by_source(configured, listed, shown=(ETH_USDC, ETH_DAI))
    assert found == {"kraken": PAIRS, "alpaca": (), "polygon": (POL_USDC, ETH_USDC)}


def test_venues_are_independent_only_where_their_declared_origins_differ() -> None:
    again = VenueInstance("k2", "kraken", venues().kraken)
    told = roster.origins(replace(with_chains(chain()), more=(again,)))
    assert told["kraken"] == told["k2"]
    independent = ["kraken", "alpaca", "uniswap_v2", "sushiswap"]
    assert len({told[venue] for venue in independent}) == len(independent)


def test_alpaca_s_feed_of_kraken_s_books_is_not_independent_of_kraken() -> None:
    configured = venues()
    same = replace(configured, alpaca=replace(configured.alpaca, stream_url="wss://stream.test/v1beta3/crypto/us-1"))
    assert roster.origins(configured)["alpaca"] != roster.origins(configured)["kraken"]
    assert roster.origins(same)["alpaca"] == roster.origins(same)["kraken"]


def test_a_chain_whose_table_cannot_be_read_has_no_venue_and_its_source_is_given_every_pair(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps([]))
    configured = with_chains(chain(table=tmp_path / "bad.json"), chain("polygon", 137))
    assert set(roster.pool_venues(configured)) == {"quickswap_v2", "sushiswap_polygon"}
    assert roster.pairs_by_source(configured, {}, shown=PAIRS)["ethereum"] == PAIRS
