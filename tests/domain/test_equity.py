"""Equity: its change is explained to the last digit by prices, by trades and by where the trades left things."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.equity import NOTHING, Drawdown, Equity, Place, Split, drawdown_of
from domain.errors import BadInput
from domain.money import EXACT, exact_sum
from tests.domain.books import decimals

COIN_A, COIN_B = Place("a", "BTC"), Place("b", "BTC")
CASH_A, CASH_B = Place("a", "USD"), Place("b", "USD")
PLACES = (COIN_A, COIN_B, CASH_A, CASH_B)
PRICES = {COIN_A: Decimal(100), COIN_B: Decimal(102), CASH_A: Decimal(1), CASH_B: Decimal(1)}


def equity(amount: str = "1") -> Equity:
    """Return the same amount of everything at every place."""
    return Equity(dict.fromkeys(PLACES, Decimal(amount)), PRICES)


def test_it_starts_at_what_everything_is_worth():
    assert equity().start_usd == equity().value_usd == 204
    assert equity().split == NOTHING


def test_a_price_that_moves_is_the_benchmark_s_gain():
    held = equity()
    held.mark(COIN_A, Decimal(110))
    assert held.split == Split(executed=Decimal(0), hold=Decimal(10), inventory=Decimal(0))


def test_a_trade_across_venues_earns_its_edge_and_leaves_coins_where_they_are_worth_less():
    held = equity()
    for place, amount in ((COIN_A, 1), (CASH_A, -100), (COIN_B, -1), (CASH_B, 102)):
        held.move(place, Decimal(amount))
    held.earn(Decimal(2))
    assert held.split == Split(executed=Decimal(2), hold=Decimal(0), inventory=Decimal(-2))  # worth 2 less over there
    held.mark(COIN_A, Decimal(102))
    assert held.split == Split(executed=Decimal(2), hold=Decimal(2), inventory=Decimal(0))
    assert held.value_usd == 208


def test_an_amount_or_a_trade_without_a_price_is_named():
    with pytest.raises(BadInput, match="ETH on 'a' has no price to begin with"):
        Equity({Place("a", "ETH"): Decimal(1)}, PRICES)
    with pytest.raises(BadInput, match="ETH on 'a' was traded but has no price"):
        equity().move(Place("a", "ETH"), Decimal(1))


amounts, prices = decimals("-5", "5", 18), decimals("0.01", "90000", 18)
events = st.one_of(
    st.tuples(st.just("mark"), st.sampled_from((COIN_A, COIN_B)), prices),
    st.tuples(st.just("move"), st.sampled_from(PLACES), amounts),
    st.tuples(st.just("earn"), st.none(), amounts),
)


@given(happened=st.lists(events, max_size=30))
def test_the_parts_add_up_to_the_value_to_the_last_digit(happened):
    held, amount_at, price_of = equity("3"), dict.fromkeys(PLACES, Decimal(3)), dict(PRICES)
    for kind, place, number in happened:
        if kind == "mark":
            held.mark(place, number)
            price_of[place] = number
        elif kind == "move":
            held.move(place, number)
            amount_at[place] = EXACT.add(amount_at[place], number)
        else:
            held.earn(number)
    assert held.value_usd == exact_sum(EXACT.multiply(amount_at[place], price_of[place]) for place in PLACES)
    assert held.value_usd == exact_sum((held.start_usd, *held.split))
    gains = (EXACT.subtract(price_of[place], PRICES[place]) for place in PLACES)
    assert held.split.hold == exact_sum(EXACT.multiply(Decimal(3), gain) for gain in gains)
    assert (held.held, held.prices_usd) == (amount_at, price_of)


def test_a_split_tells_what_came_since():
    assert Split(Decimal(3), Decimal(2), Decimal(1)).since(Split(Decimal(1), Decimal(1), Decimal(1))).change == 3


def test_the_deepest_fall_is_measured_from_the_peak_before_it():
    values = [(1, Decimal(100)), (2, Decimal(90)), (3, Decimal(200)), (4, Decimal(150)), (5, Decimal(260))]
    assert drawdown_of(values) == Drawdown(Decimal(50), Decimal("0.25"), 3, 4)


@pytest.mark.parametrize("values", [[], [(1, Decimal(5))], [(1, Decimal(-5)), (2, Decimal(-9))]])
def test_what_never_falls_from_above_nothing_has_no_drawdown(values):
    assert drawdown_of(values) == Drawdown()
