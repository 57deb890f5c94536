"""Markets as stored."""

import json

import pytest
from hypothesis import given

from domain.market import Book, PoolState
from tests.domain.pools import pools
from tests.fakes import book, pool
from trading.market_json import is_pool, market_from_json, market_to_json

BIG = 2**112 - 1


def through_json(market):
    return market_from_json(json.loads(json.dumps(market_to_json(market))))


@given(pools())
def test_a_pool_reads_back_to_the_last_unit(state):
    assert through_json(state) == state


def test_amounts_of_a_pool_are_text_for_they_have_more_digits_than_every_reader_keeps():
    stored = market_to_json(pool())
    assert is_pool(stored)
    assert stored["base_reserve"] == str(500 * 10**18)
    assert isinstance(through_json(pool()), PoolState)


def test_a_book_reads_back_as_a_book():
    assert not is_pool(market_to_json(book("a", "99.90", "100")))
    assert repr(through_json(book("a", "99.90", "100"))) == repr(book("a", "99.90", "100"))
    assert isinstance(through_json(book("a", "99", "100")), Book)


@pytest.mark.parametrize("spoilt", [{"block": "12"}, {"seen_at_ns": 1.5}, {"chain_id": True}, {"base_reserve": "many"}])
def test_a_pool_whose_figures_are_none_is_not_read(spoilt):
    with pytest.raises((TypeError, ValueError)):
        market_from_json(market_to_json(pool()) | spoilt)
