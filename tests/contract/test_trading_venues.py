"""What a trading venue owes us; the paper venue is the only one that takes orders so far."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeAsset, FeeSchedule
from domain.errors import Refused
from domain.market import Asset, Book, Level, Pair, Side
from tests.fakes import NOW_NS, FixedClock
from trading.venues.base import (
    Found,
    Missed,
    NeverPlaced,
    NotYetKnown,
    Observed,
    Order,
    OrderState,
    Pending,
    ProvenAbsent,
    TradingVenue,
)
from trading.venues.paper import NOT_OBSERVED, PaperVenue

PAIR = Pair.parse("BTC/USD")
FEES = FeeSchedule(Decimal(15), Decimal(25), FeeAsset.RECEIVED)
Observation = Observed | Pending | Missed | NeverPlaced


def levels(*rows: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows)


BOOK = Book(
    "alpaca",
    PAIR,
    bids=levels(("99", "1"), ("98", "5")),
    asks=levels(("100", "1"), ("101", "2")),
    venue_at_ns=NOW_NS,
    seen_at_ns=NOW_NS,
    seq=1,
)
BUY = Order("c-1", PAIR, Side.BUY, Decimal("1.5"), Decimal(101))


class Observations:
    """Observations by client id, as rows would give them."""

    def __init__(self, rows: Mapping[str, Observation]) -> None:
        self._rows = rows

    def observed(self, client_id: str) -> Observation:
        return self._rows.get(client_id, NeverPlaced())


def venue_with(rows: Mapping[str, Observation]) -> TradingVenue:
    return PaperVenue("alpaca", Observations(rows), FEES, balances=lambda: {"USD": Decimal(1000)}, clock=FixedClock())


def test_an_order_that_was_never_sent_is_proven_absent() -> None:
    assert venue_with({}).find("c-1") == ProvenAbsent()


def test_an_order_whose_book_is_not_stored_yet_is_not_yet_known() -> None:
    venue = venue_with({"c-1": Pending()})
    assert venue.place(BUY).venue_order_id == "c-1"
    assert venue.find("c-1") == NotYetKnown()


def test_an_order_whose_market_nobody_saw_is_refused_with_nothing_filled() -> None:
    assert venue_with({"c-1": Missed()}).find("c-1") == Found(OrderState.CLOSED, refused_reason=NOT_OBSERVED)


def test_an_observed_order_fills_level_by_level_and_pays_the_fee_in_what_it_receives() -> None:
    found = venue_with({"c-1": Observed(BUY, BOOK)}).find("c-1")
    assert isinstance(found, Found) and found.state is OrderState.CLOSED and found.refused_reason is None
    assert [(fill.price, fill.quantity) for fill in found.fills] == [
        (Decimal(100), Decimal(1)),
        (Decimal(101), Decimal("0.5")),
    ]
    assert {fill.fee_asset for fill in found.fills} == {Asset("BTC")}
    assert found.fills[0].fee == Decimal("0.0025")


def test_an_order_beyond_its_limit_closes_with_nothing_filled() -> None:
    order = Order("c-1", PAIR, Side.BUY, Decimal(1), Decimal("99.5"))
    assert venue_with({"c-1": Observed(order, BOOK)}).find("c-1") == Found(OrderState.CLOSED)


@given(
    side=st.sampled_from(Side),
    quantity=st.decimals("0.00000001", "20", places=8),
    limit=st.decimals("90", "110", places=2),
)
def test_fills_never_pass_the_order_the_limit_or_the_depth(side: Side, quantity: Decimal, limit: Decimal) -> None:
    found = venue_with({"c-1": Observed(Order("c-1", PAIR, side, quantity, limit), BOOK)}).find("c-1")
    assert isinstance(found, Found)
    shown = BOOK.asks if side is Side.BUY else BOOK.bids
    assert sum(fill.quantity for fill in found.fills) <= min(quantity, sum(level.quantity for level in shown))
    for fill in found.fills:
        assert fill.price <= limit if side is Side.BUY else fill.price >= limit


def test_a_venue_built_anew_finds_the_same_fills() -> None:
    rows = {"c-1": Observed(BUY, BOOK)}
    before = venue_with(rows)
    before.place(BUY)
    assert venue_with(rows).find("c-1") == before.find("c-1")


def test_cancelling_is_harmless_and_changes_no_fill() -> None:
    venue = venue_with({"c-1": Observed(BUY, BOOK)})
    filled = venue.find("c-1")
    assert venue.cancel("c-1").venue_order_id == "c-1"
    assert venue.find("c-1") == filled


@pytest.mark.parametrize(("quantity", "limit"), [("0", "1"), ("-1", "1"), ("1", "0")])
def test_an_impossible_order_is_refused(quantity: str, limit: str) -> None:
    with pytest.raises(Refused, match="c-9"):
        venue_with({}).place(Order("c-9", PAIR, Side.BUY, Decimal(quantity), Decimal(limit)))


def test_the_account_states_balances_and_fees() -> None:
    account = venue_with({}).account()
    assert (account.balances, account.fees, account.as_of_ns) == ({"USD": Decimal(1000)}, FEES, NOW_NS)
