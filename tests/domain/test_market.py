"""Pairs and their names."""

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from domain.market import Asset, Pair

symbols = st.sampled_from(["BTC", "ETH", "USD", "USDC"])


@given(symbols, symbols, symbols, symbols)
def test_pairs_are_equal_and_hash_alike_exactly_where_their_assets_are(a: str, b: str, c: str, d: str) -> None:
    one, other = Pair(Asset(a), Asset(b)), Pair(Asset(c), Asset(d))
    assert (one == other) == ((a, b) == (c, d))
    assert one != other or hash(one) == hash(other)
    assert one.symbol == str(one) == f"{a}/{b}"


def test_a_pair_that_was_copied_or_stored_is_the_same_pair() -> None:
    pair = Pair.parse("BTC/USD")
    for other in (copy.copy(pair), copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))):
        assert other == pair
        assert hash(other) == hash(pair)
        assert {pair: 1}[other] == 1
