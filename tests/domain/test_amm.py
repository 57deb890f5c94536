"""Pool maths: what the contract's own formula says, on its published form and by its properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amm import v2_amount_in, v2_amount_out
from domain.errors import BadInput

amounts = st.integers(1, 2**112 - 1)
fees = st.sampled_from([0, 500, 1000, 2500, 3000, 10_000, 999_999])


def library_amount_out(amount_in: int, reserve_in: int, reserve_out: int) -> int:
    """Return UniswapV2Library.getAmountOut in its own words."""
    amount_in_with_fee = amount_in * 997
    return amount_in_with_fee * reserve_out // (reserve_in * 1000 + amount_in_with_fee)


def library_amount_in(amount_out: int, reserve_in: int, reserve_out: int) -> int:
    """Return UniswapV2Library.getAmountIn in its own words."""
    return reserve_in * amount_out * 1000 // ((reserve_out - amount_out) * 997) + 1


WHOLE = 10**18


def test_the_router_s_own_example_is_met():
    """v2-periphery, UniswapV2Router01.spec.ts."""
    assert v2_amount_out(2, reserve_in=100, reserve_out=100) == 1
    assert v2_amount_in(1, reserve_in=100, reserve_out=100) == 2


@pytest.mark.parametrize(
    ("amount_in", "reserve_in", "reserve_out", "amount_out"),
    [
        (1, 5, 10, 1662497915624478906),
        (1, 10, 5, 453305446940074565),
        (2, 5, 10, 2851015155847869602),
        (2, 10, 5, 831248957812239453),
        (1, 10, 10, 906610893880149131),
        (1, 100, 100, 987158034397061298),
        (1, 1000, 1000, 996006981039903216),
    ],
)
def test_the_pair_s_published_swaps_are_met(amount_in, reserve_in, reserve_out, amount_out):
    """v2-core, UniswapV2Pair.spec.ts: what a pair pays at most."""
    reserves = {"reserve_in": reserve_in * WHOLE, "reserve_out": reserve_out * WHOLE}
    assert v2_amount_out(amount_in * WHOLE, **reserves) == amount_out


@given(amounts, amounts, amounts)
def test_what_comes_out_is_the_contract_s_floor(amount_in, reserve_in, reserve_out):
    found = v2_amount_out(amount_in, reserve_in=reserve_in, reserve_out=reserve_out)
    assert found == library_amount_out(amount_in, reserve_in, reserve_out) < reserve_out


@given(amounts, amounts, amounts)
def test_what_goes_in_is_the_contract_s_floor_and_one(amount_out, reserve_in, left):
    reserve_out = amount_out + left
    found = v2_amount_in(amount_out, reserve_in=reserve_in, reserve_out=reserve_out)
    assert found == library_amount_in(amount_out, reserve_in, reserve_out)


@given(amounts, amounts, amounts, fees)
def test_what_is_asked_for_pays_what_was_wanted_and_two_units_less_would_not(amount_out, reserve_in, left, fee_pips):
    pool = {"reserve_in": reserve_in, "reserve_out": amount_out + left, "fee_pips": fee_pips}
    amount_in = v2_amount_in(amount_out, **pool)
    assert v2_amount_out(amount_in, **pool) >= amount_out
    if amount_in > 2:
        assert v2_amount_out(amount_in - 2, **pool) < amount_out


@given(amounts, amounts, amounts, fees)
def test_a_swap_never_lessens_the_product_of_the_reserves(amount_in, reserve_in, reserve_out, fee_pips):
    out = v2_amount_out(amount_in, reserve_in=reserve_in, reserve_out=reserve_out, fee_pips=fee_pips)
    assert (reserve_in + amount_in) * (reserve_out - out) >= reserve_in * reserve_out


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize("swap", [v2_amount_in, v2_amount_out])
def test_nothing_and_less_cannot_be_swapped(swap, amount):
    with pytest.raises(BadInput, match=f"^{amount} cannot be swapped"):
        swap(amount, reserve_in=100, reserve_out=100)


@pytest.mark.parametrize("amount", [100, 101])
def test_no_pool_pays_out_all_it_holds(amount):
    with pytest.raises(BadInput, match="the pool holds 100"):
        v2_amount_in(amount, reserve_in=100, reserve_out=100)


@pytest.mark.parametrize("reserves", [(0, 1), (1, 0), (-1, 5)])
@pytest.mark.parametrize("swap", [v2_amount_in, v2_amount_out])
def test_an_empty_pool_is_named(swap, reserves):
    with pytest.raises(BadInput, match=f"reserves of {reserves[0]} and {reserves[1]} is empty"):
        swap(1, reserve_in=reserves[0], reserve_out=reserves[1])


@pytest.mark.parametrize("fee_pips", [-1, 1_000_000])
def test_a_fee_that_no_pool_can_have_is_named(fee_pips):
    with pytest.raises(BadInput, match=f"fee of {fee_pips} "):
        v2_amount_out(1, reserve_in=100, reserve_out=100, fee_pips=fee_pips)
