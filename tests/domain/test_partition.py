"""The deal of pairs to partitions: each pair in exactly one, whole routes, nothing left to nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.market import Asset, MarketKey, Pair
from domain.partition import WHOLE, Deal, Share
from domain.routes import routes_between

PAIRS = tuple(map(Pair.parse, ("BTC/USD", "ETH/USD", "SOL/USD", "ETH/USDC", "USDC/USD", "BTC/USDC")))
ASSETS = st.sampled_from([Asset(name) for name in ("BTC", "ETH", "SOL", "LTC", "DOGE", "USDC", "USDT", "USD", "POL")])
SEVERAL = st.lists(st.builds(Pair, ASSETS, ASSETS), min_size=1, max_size=14, unique=True).map(tuple)


@st.composite
def deals(draw) -> Deal:
    pairs = draw(SEVERAL)
    return Deal(pairs, draw(st.integers(1, len({pair.base for pair in pairs}))))


@given(deals(), st.builds(Pair, ASSETS, ASSETS))
def test_every_pair_is_held_by_exactly_one_partition_whether_it_is_named_or_not(deal, other):
    for pair in (*deal.pairs, other):
        assert [share.index for share in deal.shares() if share.holds(pair)] == [deal.index_of(pair)]
    assert sorted(p.symbol for share in deal.shares() for p in share.own()) == sorted(p.symbol for p in deal.pairs)


@given(deals())
def test_both_markets_of_every_route_lie_in_one_partition(deal):
    markets = [MarketKey(venue, pair) for venue in ("a", "b") for pair in deal.pairs]
    for route in routes_between(markets):
        holders = {deal.index_of(leg.pair) for leg in route.legs}
        assert holders == {share.index for share in deal.shares() if share.holds_route(route.key)}


@given(deals())
def test_no_partition_is_empty_and_none_has_two_bases_more_than_another(deal):
    sizes = [len({pair.base for pair in share.own()}) for share in deal.shares()]
    assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1


def test_bases_are_dealt_in_turn_in_the_order_in_which_they_are_named():
    first, second = (" ".join(pair.symbol for pair in share.own()) for share in Deal(PAIRS, 2).shares())
    assert (first, second) == ("BTC/USD SOL/USD BTC/USDC", "ETH/USD ETH/USDC USDC/USD")


def test_what_decisions_reckon_with_is_watched_beside_the_own_pairs():
    first, second = Deal(PAIRS, 2).shares()
    assert set(first.watched([])) - set(first.own()) == {Pair.parse("USDC/USD")}  # what BTC/USDC is quoted in
    assert set(first.watched([Asset("ETH")])) == set(PAIRS)  # and what gas costs
    assert second.watched([Asset("ETH")]) == second.own()


def test_one_partition_holds_all_and_is_called_as_ever():
    for share in (WHOLE, Share(Deal(PAIRS, 1)), Share(Deal(PAIRS, 1), 1), Share(Deal(PAIRS, 2))):
        assert share.is_whole and share.holds(PAIRS[3]) and share.holds_route("a:X/Y>b:X/Y")
        assert (share.name("stream"), str(share)) == ("stream", "all pairs")
    assert Share(Deal(PAIRS, 2)).parts == Deal(PAIRS, 2).shares()
    second = Share(Deal(PAIRS, 2), 2)
    assert (second.name("stream"), str(second), second.parts) == ("stream-2", "partition 2 of 2", (second,))


def test_a_deal_is_told_from_every_other_and_is_the_same_in_every_process():
    numbers = [
        Deal(PAIRS, 2).fingerprint,
        Deal(PAIRS, 3).fingerprint,
        Deal(PAIRS[::-1], 2).fingerprint,
        Deal(PAIRS, 1).fingerprint,
    ]
    assert len(set(numbers)) == 4 and all(0 <= number < 2**31 for number in numbers)
    assert numbers[0] == 1_090_000_588 and numbers[3] == WHOLE.deal.fingerprint == 0


@pytest.mark.parametrize("count", [0, 5])
def test_more_partitions_than_bases_are_refused(count):
    with pytest.raises(BadInput, match=f"{count} partitions cannot share pairs of 4 bases"):
        Deal(PAIRS, count)
