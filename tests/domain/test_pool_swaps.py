"""Swaps on a pool: exact, against us where a price is an average, and inverse to the price that is asked for."""

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.market import Side
from domain.money import EXACT, from_raw
from domain.pool_swaps import affordable_from, bought_until, coverable_from, is_within, sold_until, swap
from tests.domain.pools import pool, pools

sides = st.sampled_from(Side)


def test_a_purchase_costs_what_the_contract_asks_for():
    walk = swap(pool(), Side.BUY, Decimal(1))
    assert (walk.quantity, walk.quote) == (1, Decimal("2010.038131"))
    assert walk.worst_price == Decimal("2010.038131")


def test_a_sale_brings_what_the_contract_pays():
    walk = swap(pool(), Side.SELL, Decimal(3))
    assert walk.quote == Decimal("5946.428464")
    assert walk.worst_price == Decimal("1982.142821333333333333")


def test_what_is_finer_than_the_token_is_not_traded():
    state = pool(base_reserve=100 * 10**8, decimals=(8, 6))
    assert swap(state, Side.SELL, Decimal("0.123456789")).quantity == Decimal("0.12345678")
    assert swap(state, Side.SELL, Decimal("1e-9")) is None


def test_what_the_pool_does_not_hold_and_what_brings_nothing_is_no_swap():
    assert swap(pool(), Side.BUY, Decimal(500)) is None
    assert swap(pool(), Side.BUY, Decimal("499.999999999999999999")) is None  # for 5e26 USDC
    assert swap(pool(), Side.SELL, Decimal(0)) is None
    assert swap(pool(), Side.SELL, Decimal("1e-18")) is None


@given(pools(), sides, st.integers(1, 10**24))
def test_a_swap_is_within_its_own_average_and_not_within_a_better_one(state, side, units):
    walk = swap(state, side, from_raw(units, state.base_decimals))
    assume(walk is not None)
    better = Decimal("0.999") if side is Side.BUY else Decimal("1.001")
    assert is_within(walk.worst_price, walk, side)
    assume(walk.worst_price > Decimal("1e-12"))
    assert not is_within(EXACT.multiply(walk.worst_price, better), walk, side)


@given(pools(), st.integers(1, 10**24))
def test_what_a_sum_affords_costs_no_more_and_one_unit_more_would(state, units):
    most = from_raw(units, state.quote_decimals)
    base, unit = affordable_from(state, most), from_raw(1, state.base_decimals)
    afforded = swap(state, Side.BUY, base)
    assert afforded is None or afforded.quote <= most
    more = swap(state, Side.BUY, EXACT.add(base, unit))
    assert more is None or more.quote > most


@given(pools(), st.integers(1, 10**24))
def test_what_a_sum_covers_is_paid_for_at_its_limit(state, units):
    free = from_raw(units, state.quote_decimals)
    walk = swap(state, Side.BUY, coverable_from(state, free))
    assert walk is None or EXACT.multiply(walk.worst_price, walk.quantity) <= free


def test_nothing_is_afforded_for_nothing():
    assert affordable_from(pool(), Decimal(0)) == coverable_from(pool(), Decimal(0)) == 0


def test_the_next_unit_costs_the_price_up_to_which_was_bought():
    state = pool()
    bought = bought_until(state, Decimal(2050))
    one = Decimal("0.0001")
    before, after = (swap(state, Side.BUY, (bought + step).quantize(one)) for step in (-one, one))
    assert abs((after.quote - before.quote) / (2 * one) - 2050) < Decimal("0.02")


def test_the_next_unit_brings_the_price_down_to_which_was_sold():
    state = pool()
    sold = sold_until(state, Decimal(1950))
    one = Decimal("0.0001")
    before, after = (swap(state, Side.SELL, (sold + step).quantize(one)) for step in (-one, one))
    assert abs((after.quote - before.quote) / (2 * one) - 1950) < Decimal("0.02")


@given(pools(), st.decimals("0.5", "2", places=6))
def test_nothing_is_traded_until_a_price_that_is_passed_already(state, factor):
    asked, bid = EXACT.multiply(state.best_ask, factor), EXACT.multiply(state.best_bid, factor)
    tiny = Decimal("1e-9") * from_raw(state.base_reserve, state.base_decimals)
    assert bought_until(state, asked) <= tiny if factor <= 1 else bought_until(state, asked) >= 0
    assert sold_until(state, bid) <= tiny if factor >= 1 else sold_until(state, bid) >= 0
