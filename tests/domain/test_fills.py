"""Paper fills: one per level, within depth and limit, with their fees."""

from decimal import Decimal

from hypothesis import given

from domain.costs import FeeAsset
from domain.fills import paper_fills
from domain.market import Side
from tests.domain.books import FREE, PAIR, book, decimals, flat_fee, levels, sides_of_book

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
