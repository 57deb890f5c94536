"""What the stream knows before the first book: what each venue lists."""

from decimal import Decimal

import pytest

from domain.errors import BadInput, Refused, Unreachable
from domain.market import MarketKey, Pair
from domain.terms import Lot
from tests.fakes import BTC_USD
from trading.services.stream.listings import reference_of
from trading.venues.base import Listing

LOT = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))
ETH_USD = Pair.parse("ETH/USD")


class Lists:
    """A venue that lists these pairs, after it has failed as told."""

    def __init__(self, *pairs, failing=()):
        self._listings = tuple(Listing(pair, LOT, pair.symbol) for pair in pairs)
        self._failing = list(failing)

    def listings(self):
        if self._failing:
            raise self._failing.pop(0)
        return self._listings


async def test_each_venue_is_watched_for_the_wanted_pairs_that_it_lists():
    known = await reference_of({"a": Lists(BTC_USD, ETH_USD), "b": Lists(BTC_USD)}, (BTC_USD, ETH_USD))
    assert known.pairs == {"a": (BTC_USD, ETH_USD), "b": (BTC_USD,)}
    assert set(known.lots) == {MarketKey("a", BTC_USD), MarketKey("a", ETH_USD), MarketKey("b", BTC_USD)}


async def test_a_venue_that_refuses_is_left_out():
    known = await reference_of({"a": Lists(BTC_USD), "b": Lists(failing=[Refused("bad key")])}, (BTC_USD,))
    assert set(known.pairs) == {"a"}


async def test_pairs_that_nobody_lists_are_a_mistake_of_the_settings():
    with pytest.raises(BadInput, match="ARB_PAIRS"):
        await reference_of({"a": Lists(ETH_USD)}, (BTC_USD,))


async def test_a_venue_that_does_not_answer_is_asked_again():
    venue = Lists(BTC_USD, failing=[Unreachable("timed out"), Unreachable("503")])
    known = await reference_of({"a": venue}, (BTC_USD,), ask_again_s=0)
    assert known.pairs == {"a": (BTC_USD,)}
