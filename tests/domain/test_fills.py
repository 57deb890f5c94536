"""Paper fills: one per level, within depth and limit, with their fees."""

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.costs import FeeAsset
from domain.fills import paper_fills
from domain.market import Side
from domain.money import quantize_down
from domain.pool_swaps import swap
from tests.domain.books import FREE, PAIR, book, decimals, flat_fee, levels, sides_of_book
from tests.domain.pools import ETH_USDC, pool, pools

ASKS = levels(("100", "1"), ("101", "2"), ("103", "5"))


def buy(quantity: str, limit: str, fee=FREE):
    """Return the fills of a buy from the example book."""
    return paper_fills(
        book(asks=ASKS), client_id="id", side=Side.BUY, quantity=Decimal(quantity), limit=Decimal(limit), fee=fee
    )


def test_each_level_taken_is_a_fill_of_its_own():
    assert [(fill.trade_id, fill.price, fill.quantity) for fill in buy("2.5", "200")] == [
        ("id-1", 100, 1),
        ("id-2", 101, Decimal("1.5")),
    ]


def test_what_is_worse_than_the_limit_is_not_taken():
    assert sum(fill.quantity for fill in buy("8", "101")) == 3


def test_nothing_good_enough_is_no_fill():
    assert buy("1", "99.99") == ()


def test_a_fee_in_the_received_asset_is_paid_in_base():
    (fill,) = buy("0.1", "100", flat_fee("25", FeeAsset.RECEIVED))
    assert (fill.fee_asset, fill.fee) == (PAIR.base, Decimal("0.00025"))


def test_a_fee_in_quote_is_paid_in_quote():
    (fill,) = buy("0.1", "100", flat_fee("40"))
    assert (fill.fee_asset, fill.fee) == (PAIR.quote, Decimal("0.04"))


@given(bids=sides_of_book(Side.SELL), quantity=decimals("0.01", "20", 2), limit=decimals("95", "105", 2))
def test_fills_never_exceed_depth_limit_or_order(bids, quantity, limit):
    shown = dict(bids)
    fills = paper_fills(
        book(bids=bids), client_id="id", side=Side.SELL, quantity=quantity, limit=limit, fee=flat_fee("40")
    )
    assert sum(fill.quantity for fill in fills) <= quantity
    assert all(fill.price >= limit and 0 < fill.quantity <= shown[fill.price] for fill in fills)
    assert len({fill.trade_id for fill in fills}) == len(fills)


def test_the_same_book_fills_the_same_way_again():
    assert buy("2.5", "200") == buy("2.5", "200")


def swapped(side: Side, quantity: str, limit: str, state=None):
    """Return the fills of a swap on the example pool, of 2,000 USDC for an ETH."""
    told = {"side": side, "quantity": Decimal(quantity), "limit": Decimal(limit), "fee": FREE}
    return paper_fills(state or pool(), client_id="id", **told)


def test_a_swap_is_one_fill_at_its_average_price_with_what_was_paid_exactly():
    (fill,) = swapped(Side.SELL, "3", "1982")
    assert (fill.trade_id, fill.quantity, fill.price) == ("id-1", 3, Decimal("1982.142821333333333333"))
    assert fill.quote == fill.exact_quote == Decimal("5946.428464")
    assert (fill.fee_asset, fill.fee) == (ETH_USDC.quote, 0)


def test_a_swap_whose_average_is_worse_than_the_limit_reverts_whole():
    assert swapped(Side.SELL, "3", "1982.15") == swapped(Side.BUY, "1", "2010.038130") == ()
    assert len(swapped(Side.BUY, "1", "2010.038131")) == 1


def test_more_than_the_pool_holds_reverts():
    assert swapped(Side.BUY, "500", "1e19") == ()


@given(state=pools(), side=st.sampled_from(Side), units=st.integers(1, 10**24))
def test_a_swap_at_the_limit_that_it_was_planned_with_is_filled_and_one_a_hair_better_is_not(state, side, units):
    planned = swap(state, side, Decimal(units).scaleb(-state.base_decimals))
    assume(planned is not None and planned.worst_price > Decimal("1e-6"))
    hair = Decimal("0.99999") if side is Side.BUY else Decimal("1.00001")
    (fill,) = swapped(side, str(planned.quantity), str(planned.worst_price), state)
    assert (fill.quantity, fill.quote) == (planned.quantity, planned.quote)
    assert swapped(side, str(planned.quantity), str(quantize_down(planned.worst_price * hair)), state) == ()
