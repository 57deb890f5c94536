"""What Alpaca lists to whoever has no key: what is stated and served."""

import asyncio

import pytest

from domain.errors import Unreachable
from domain.market import Pair
from simulator.server import Doubles
from trading.venues.alpaca.listings import KeylessAlpaca, stated_listings

SERVED = (Pair.parse("BTC/USD"), Pair.parse("ETH/USD"))
UNSERVED = tuple(map(Pair.parse, ("BTC/USDC", "ETH/USDT", "AAVE/USD")))


def test_every_pair_is_stated_once() -> None:
    stated = [listing.pair for listing in stated_listings()]
    assert len(set(stated)) == len(stated)
    assert {*SERVED, *UNSERVED} <= set(stated)


async def test_without_a_key_the_wanted_pairs_that_are_served_are_listed(doubles: Doubles) -> None:
    wanted = (UNSERVED[0], SERVED[0], *UNSERVED[1:], SERVED[1], Pair.parse("NOBODY/USD"))
    listed = await asyncio.to_thread(KeylessAlpaca(doubles.urls.alpaca_data, wanted).listings)
    assert {listing.pair for listing in listed} == set(SERVED)


async def test_where_none_of_them_is_served_nothing_is_listed(doubles: Doubles) -> None:
    assert await asyncio.to_thread(KeylessAlpaca(doubles.urls.alpaca_data, UNSERVED).listings) == ()


def test_a_venue_that_is_away_lists_nothing_yet() -> None:
    with pytest.raises(Unreachable):
        KeylessAlpaca("http://127.0.0.1:9", SERVED).listings()
