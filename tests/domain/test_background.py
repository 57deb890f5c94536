"""What a watch remembers: edges and gas of long ago count for less, and a stored memory goes on as if never put away."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.background import EDGE_HALF_LIFE_NS, GAS_HALF_LIFE_NS, Background
from domain.features import RoutePast
from tests.domain.books import NOW_NS
from tests.domain.pools import GWEI, pool

edges = st.lists(st.tuples(st.integers(0, 10**13), st.sampled_from("ab"), st.floats(-50, 50)), max_size=8)
prices = st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**12)), max_size=8)


def remembering(told, gas=()) -> Background:
    """Return the memory of edges left and gas prices seen, each so long after now."""
    background = Background()
    for after_ns, route_key, left_bps in told:
        background.note_edge(route_key, left_bps, at_ns=NOW_NS + after_ns)
    for after_ns, gas_price_wei in gas:
        background.note_gas(pool(gas_price_wei=gas_price_wei), at_ns=NOW_NS + after_ns)
    return background


def test_a_route_s_past_tells_how_many_edges_how_many_still_paid_and_what_was_left():
    past = remembering([(0, "a", 4.0), (0, "a", 0.0), (0, "a", -1.0), (0, "b", 9.0)]).past_of("a", now_ns=NOW_NS)
    assert past == RoutePast(3.0, pytest.approx(1 / 3), pytest.approx(1.0))


def test_after_each_half_life_an_edge_counts_for_half():
    background = remembering([(0, "a", 8.0), (EDGE_HALF_LIFE_NS, "a", 2.0)])
    past = background.past_of("a", now_ns=NOW_NS + 2 * EDGE_HALF_LIFE_NS)
    assert past.count == pytest.approx(0.75)
    assert past.left_bps == pytest.approx((8 * 0.5 + 2) / 1.5)


def test_a_route_that_was_never_seen_to_pay_has_no_past():
    past = remembering([(0, "a", 8.0)]).past_of("b", now_ns=NOW_NS)
    assert past.count == 0
    assert math.isnan(past.survival) and math.isnan(past.left_bps)


def test_what_lies_back_ten_half_lives_is_forgotten():
    background = remembering([(0, "a", 8.0)])
    assert background.past_of("a", now_ns=NOW_NS + 9 * EDGE_HALF_LIFE_NS).count > 0
    assert background.past_of("a", now_ns=NOW_NS + 10 * EDGE_HALF_LIFE_NS).count == 0


def test_gas_is_held_against_what_it_cost_of_late():
    background = remembering([], [(0, 10 * GWEI), (GAS_HALF_LIFE_NS, 40 * GWEI)])
    then_ns = NOW_NS + GAS_HALF_LIFE_NS
    assert background.gas_trend(pool(gas_price_wei=40 * GWEI), now_ns=then_ns) == pytest.approx(3)
    later_ns = then_ns + GAS_HALF_LIFE_NS  # half of the mean is now what came since
    assert background.gas_trend(pool(gas_price_wei=40 * GWEI), now_ns=later_ns) == pytest.approx(0.6)


def test_gas_of_a_chain_that_was_not_seen_has_no_trend_and_free_gas_none_either():
    assert math.isnan(Background().gas_trend(pool(), now_ns=NOW_NS))
    other = replace(pool(), chain_id=137)
    assert math.isnan(remembering([], [(0, GWEI)]).gas_trend(other, now_ns=NOW_NS))
    assert remembering([], [(0, 0)]).gas_trend(pool(gas_price_wei=0), now_ns=NOW_NS) == 0


@given(edges, prices, st.integers(0, 10**13))
def test_a_stored_memory_goes_on_to_the_last_bit(told, gas, later_ns):
    background, again = remembering(sorted(told), sorted(gas)), Background()
    again.restore(json.loads(json.dumps(background.state())))
    for memory in (background, again):
        memory.note_edge("a", 1.5, at_ns=NOW_NS + 10**13)
        memory.note_gas(pool(gas_price_wei=GWEI), at_ns=NOW_NS + 10**13)
    now_ns = NOW_NS + 10**13 + later_ns
    assert repr(again.past_of("a", now_ns=now_ns)) == repr(background.past_of("a", now_ns=now_ns))
    assert again.gas_trend(pool(), now_ns=now_ns) == background.gas_trend(pool(), now_ns=now_ns)


@given(edges, st.integers(0, 10**14))
def test_a_past_is_always_within_what_was_told(told, later_ns):
    past = remembering(sorted(told)).past_of("a", now_ns=NOW_NS + 10**13 + later_ns)
    left = [left_bps for _, key, left_bps in told if key == "a"]
    assert 0 <= past.count <= len(left)
    if past.count:
        assert 0 <= past.survival <= 1
        assert min(left) - 1e-9 <= past.left_bps <= max(left) + 1e-9
