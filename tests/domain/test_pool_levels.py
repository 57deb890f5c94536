"""A pool read as a book: sorted, never crossed, and never better than what the pool pays."""

import pickle
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.amm import v2_amount_in, v2_amount_out
from domain.book import depth_of, total_of
from domain.market import PoolState
from domain.money import EXACT, from_raw, to_raw
from domain.pool_levels import SLICES
from tests.domain.pools import pool, pools


def paid_for(state: PoolState, base: Decimal) -> Decimal:
    """Return what the pool asks for ``base``."""
    units = to_raw(base, state.base_decimals)
    reserves = {"reserve_in": state.quote_reserve, "reserve_out": state.base_reserve, "fee_pips": state.fee_pips}
    return from_raw(v2_amount_in(units, **reserves), state.quote_decimals)


def received_for(state: PoolState, base: Decimal) -> Decimal:
    """Return what the pool pays for ``base``."""
    units = to_raw(base, state.base_decimals)
    reserves = {"reserve_in": state.base_reserve, "reserve_out": state.quote_reserve, "fee_pips": state.fee_pips}
    return from_raw(v2_amount_out(units, **reserves), state.quote_decimals)


def test_the_best_prices_are_the_marginal_ones_with_the_pool_s_fee():
    state = pool()  # 2,000 USDC for an ETH
    assert state.best_bid == 1994
    assert Decimal("2006.01805416") < state.best_ask < Decimal("2006.01805417")


def test_the_slices_span_100_bps_of_price_on_either_side():
    state = pool()
    assert len(state.asks) == len(state.bids) == SLICES
    assert Decimal("1.009") < state.asks[-1].price / state.best_ask < Decimal("1.01")
    assert Decimal("0.99") < state.bids[-1].price / state.best_bid < Decimal("0.991")


def test_buying_every_slice_costs_what_the_pool_asks_for_them_together():
    state = pool()
    exact = paid_for(state, depth_of(state.asks))
    assert exact <= total_of(state.asks).quote <= exact * Decimal("1.0000000001")


def test_selling_every_slice_brings_what_the_pool_pays_for_them_together():
    state = pool()
    exact = received_for(state, depth_of(state.bids))
    assert exact * Decimal("0.9999999999") <= total_of(state.bids).quote <= exact


@given(pools())
def test_slices_are_sorted_positive_and_never_better_than_the_best_prices(state):
    asks, bids = [level.price for level in state.asks], [level.price for level in state.bids]
    assert asks == sorted(set(asks)) and bids == sorted(set(bids), reverse=True)
    assert all(level.price > 0 and level.quantity > 0 for level in (*state.asks, *state.bids))
    assert all(price >= state.best_ask for price in asks) and all(price <= state.best_bid for price in bids)
    assert all(EXACT.remainder(level.quantity, from_raw(1, state.base_decimals)) == 0 for level in state.asks)


@given(pools(), st.integers(1, 10**27))
def test_no_swap_of_any_size_is_better_than_the_best_prices(state, units):
    base = from_raw(units, state.base_decimals)
    assert received_for(state, base) <= EXACT.multiply(state.best_bid, base)
    if units < state.base_reserve:
        assert paid_for(state, base) >= EXACT.multiply(state.best_ask, base)


def test_a_pool_that_was_read_equals_hashes_and_pickles_as_one_that_was_not():
    unread, read = pool(), pool()
    assert read.asks and read.bids and read.best_ask
    assert read == unread and hash(read) == hash(unread)
    assert pickle.loads(pickle.dumps(read)).asks == read.asks


def test_another_state_of_a_pool_is_read_anew():
    before = pool()
    assert before.asks[0].price < replace(before, quote_reserve=before.quote_reserve * 2).asks[0].price
