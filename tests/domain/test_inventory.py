"""Inventory: without transfers a trade uses no more than lies where it buys and where it sells."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.book import depth_of, taken
from domain.costs import FeeAsset, fee_on_levels
from domain.detection import Candidate, detect
from domain.inventory import UNLIMITED, Holdings
from domain.market import Side
from domain.sides import coverable, quote_needed
from domain.sizing import size_route
from domain.terms import Caps, Lot, Rejected, Sized
from tests.domain.books import (
    BUY_VENUE,
    FINE,
    FREE,
    NOW_NS,
    ROUTE,
    SELL_VENUE,
    SizedBy,
    book,
    decimals,
    flat_fee,
    key,
    levels,
    sides_of_book,
)
from tests.domain.test_detection import CONFIG, View, why

PLENTY = "1000000"


@dataclass(frozen=True)
class Held:
    """Holdings that stand still; what they do not name is not limited."""

    amounts: Mapping[tuple[str, str], Decimal]

    def free(self, venue: str, asset: str) -> Decimal | None:
        """Return the amount stated."""
        return self.amounts.get((venue, asset))

    def refresh(self) -> None:
        """Stand still."""


def held(*, quote: Decimal | str = PLENTY, base: Decimal | str = PLENTY) -> Held:
    """Return holdings of quote where the example route buys and of base where it sells."""
    return Held({(BUY_VENUE, "USD"): Decimal(quote), (SELL_VENUE, "BTC"): Decimal(base)})


def size(asks, bids, holdings: Holdings, *, buy_fee=FREE, sell_fee=FREE, lot=FINE) -> Sized | Rejected:
    """Size the example route between two sides of a book with these holdings."""
    return size_route(
        ROUTE,
        (book(BUY_VENUE, asks=asks), book(SELL_VENUE, bids=bids)),
        config=SizedBy(
            {BUY_VENUE: buy_fee, SELL_VENUE: sell_fee},
            {key(BUY_VENUE): lot, key(SELL_VENUE): lot},
            Caps(Decimal(PLENTY)),
        ),
        holdings=holdings,
    )


ASKS, BIDS = levels(("100", "1"), ("101", "2")), levels(("103", "9"))
FEE = flat_fee("40")


def test_the_quote_at_the_buy_venue_pays_for_the_whole_order_at_its_worst_price_with_the_fee():
    assert quote_needed(ASKS, Decimal(2), FEE) == 2 * 101 * Decimal("1.004")
    enough = size(ASKS, BIDS, held(quote="202.8081"), buy_fee=FEE)
    assert (enough.buy_quantity, enough.buy_worst) == (Decimal("2.00000098"), 101)
    assert size(ASKS, BIDS, held(quote="202.8079"), buy_fee=FEE).buy_quantity == Decimal("1.99999901")


def test_the_base_at_the_sell_venue_is_all_that_is_sold():
    sized = size(ASKS, BIDS, held(base="0.123456789"))
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("0.12345678"), Decimal("0.12345678"))


def test_a_fee_taken_in_base_is_bought_beside_what_is_sold():
    sized = size(ASKS, BIDS, held(base="0.50005"), buy_fee=flat_fee("25", FeeAsset.RECEIVED), lot=lot("0.0001"))
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("0.5013"), Decimal("0.5"))


@pytest.mark.parametrize("short", [{"quote": "0"}, {"base": "0"}, {"quote": "-3"}, {"base": "-3"}])
def test_where_nothing_is_left_the_reason_is_the_inventory_and_the_edge_that_was_missed(short):
    rejected = size(ASKS, BIDS, held(**short), lot=lot("0.1"))
    assert (rejected.reason, rejected.at_stage) == ("no_inventory", "size")
    assert rejected.net_bps == rejected.gross_bps > 200


def test_what_is_left_may_be_too_little_for_a_lot():
    assert size(ASKS, BIDS, held(base="0.09"), lot=lot("0.1")).reason == "no_inventory"


def test_what_no_holdings_would_make_big_enough_is_too_small():
    assert size(levels(("100", "0.05")), BIDS, held(base="0"), lot=lot("0.1")).reason == "too_small"


def test_a_step_between_levels_takes_the_cheaper_one_whole():
    asks = levels(("100", "1"), ("200", "1"))
    assert coverable(asks, Decimal(150), paid_ratio=Decimal(1)) == 1
    assert coverable(asks, Decimal(300), paid_ratio=Decimal(1)) == Decimal("1.5")
    assert coverable(asks, Decimal(50), paid_ratio=Decimal(1)) == Decimal("0.5")
    assert coverable(asks, Decimal(1_000), paid_ratio=Decimal(1)) == 2


def test_detection_sizes_by_what_is_held():
    view = View((book(), book(SELL_VENUE, bids=levels(("101", "1")), asks=levels(("120", "1")))))
    (found,) = detect(key(BUY_VENUE), view, now_ns=NOW_NS, config=CONFIG, holdings=held(base="0.25"))
    assert isinstance(found, Candidate)
    assert Decimal("0.2499") < found.sized.sell_quantity <= Decimal("0.25")
    (found,) = detect(key(BUY_VENUE), view, now_ns=NOW_NS, config=CONFIG, holdings=held(base="0"))
    assert why(found) == ("size", "no_inventory")


def test_what_would_not_have_been_worth_its_while_did_not_lack_inventory():
    view = View((book(), book(SELL_VENUE, bids=levels(("100.70", "1")), asks=levels(("120", "1")))))
    (found,) = detect(key(BUY_VENUE), view, now_ns=NOW_NS, config=CONFIG, holdings=held(base="0"))
    assert why(found) == ("cost", "below_threshold")
    assert found.net_bps < CONFIG.min_net_bps


def lot(step: str, *, min_quote: str = "0") -> Lot:
    """Return a lot with that step."""
    return Lot(Decimal(step), Decimal(0), Decimal(min_quote), Decimal("0.01"))


asks_drawn, bids_drawn = sides_of_book(Side.BUY, low="95", high="103"), sides_of_book(Side.SELL, low="98")
fees = st.builds(flat_fee, st.sampled_from(["0", "7.5", "25", "40"]), st.sampled_from(FeeAsset))
lots = st.sampled_from([FINE, lot("0.01"), lot("0.1"), lot("0.3"), lot("0.1", min_quote="50")])
holdings_drawn = st.builds(held, quote=decimals("-1", "600", 6), base=decimals("-1", "5", 9))


@given(asks=asks_drawn, bids=bids_drawn, buy_fee=fees, sell_fee=fees, lot=lots, holdings=holdings_drawn)
def test_never_more_quote_is_spent_nor_base_sold_than_is_free(asks, bids, buy_fee, sell_fee, lot, holdings):
    sized = size(asks, bids, holdings, buy_fee=buy_fee, sell_fee=sell_fee, lot=lot)
    if isinstance(sized, Rejected):
        return
    due = fee_on_levels(buy_fee, side=Side.BUY, taken=taken(asks, sized.buy_quantity, limit=None, side=Side.BUY))
    spent = sized.buy_quote if due.asset_is_base else sized.buy_quote + due.amount
    assert spent <= quote_needed(asks, sized.buy_quantity, buy_fee) <= holdings.free(BUY_VENUE, "USD")
    assert sized.sell_quantity <= holdings.free(SELL_VENUE, "BTC")
    assert sized.net_quote > 0


@given(asks=asks_drawn, bids=bids_drawn, buy_fee=fees, sell_fee=fees, lot=lots, holdings=holdings_drawn)
def test_where_the_holdings_cover_the_best_size_of_all_it_is_taken(asks, bids, buy_fee, sell_fee, lot, holdings):
    terms = {"buy_fee": buy_fee, "sell_fee": sell_fee, "lot": lot}
    best, sized = size(asks, bids, UNLIMITED, **terms), size(asks, bids, holdings, **terms)
    if isinstance(best, Rejected):
        assert sized == best
        return
    covered = quote_needed(asks, best.buy_quantity, buy_fee) <= holdings.free(BUY_VENUE, "USD")
    if covered and best.sell_quantity <= holdings.free(SELL_VENUE, "BTC"):
        assert sized == best
    elif isinstance(sized, Sized):
        assert sized.net_quote <= best.net_quote
    else:
        assert (sized.reason, sized.at_stage) == ("no_inventory", "size")


@settings(max_examples=40)
@given(asks=asks_drawn, bids=bids_drawn, holdings=holdings_drawn, step=st.sampled_from(["0.1", "0.3", "1"]))
def test_no_other_lot_that_the_holdings_cover_earns_more(asks, bids, holdings, step):
    terms = {"buy_fee": FEE, "sell_fee": FEE, "lot": lot(step)}
    sized = size(asks, bids, holdings, **terms)
    best = sized.net_quote if isinstance(sized, Sized) else Decimal(0)
    for count in range(1, int(depth_of(asks) / Decimal(step)) + 1):
        quantity = count * Decimal(step)
        needed = quote_needed(asks, quantity, FEE) + Decimal("1e-17")  # the roundings of a few fills
        if needed <= holdings.free(BUY_VENUE, "USD") and quantity <= holdings.free(SELL_VENUE, "BTC"):
            other = size(asks, bids, held(base=quantity), **terms)
            assert isinstance(other, Rejected) or other.net_quote <= best + Decimal("1e-15")
