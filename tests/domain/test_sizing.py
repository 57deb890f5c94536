"""Sizing: the best multiple of both lots that both books and the cap allow, reckoned exactly."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.book import depth_of, taken, total_of, walk
from domain.costs import FeeAsset, FeeSchedule, fee_on_levels
from domain.errors import BadInput
from domain.fills import paper_fills
from domain.market import Book, Pair, Side
from domain.money import common_step
from domain.routes import Leg, Route
from domain.sides import affordable
from domain.sizing import paying_depth, size_near_miss, size_route, take_route
from domain.terms import Caps, Lot, Rejected, Sized
from tests.domain.books import (
    BUY_VENUE,
    FINE,
    FREE,
    PAIR,
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

NO_CAP = "1000000000"


def sized_by(*, buy_fee=FREE, sell_fee=FREE, buy_lot=FINE, sell_lot=FINE, max_usd=NO_CAP, rate="1") -> SizedBy:
    """Return what a size of the example route rests on beside its books."""
    return SizedBy(
        {BUY_VENUE: buy_fee, SELL_VENUE: sell_fee},
        {key(BUY_VENUE): buy_lot, key(SELL_VENUE): sell_lot},
        Caps(Decimal(max_usd)),
        {"USD": Decimal(rate)},
    )


def size(asks, bids, **stated) -> Sized | Rejected:
    """Size the example route between two sides of a book."""
    markets = book(BUY_VENUE, asks=asks), book(SELL_VENUE, bids=bids)
    return size_route(ROUTE, markets, config=sized_by(**stated))


def lot(step: str, *, min_quantity: str = "0", min_quote: str = "0") -> Lot:
    """Return a lot with that step."""
    return Lot(Decimal(step), Decimal(min_quantity), Decimal(min_quote), Decimal("0.01"))


def profit(asks, bids, buy_fee: FeeSchedule, sell_fee: FeeSchedule, bought: Decimal, sold: Decimal) -> Decimal | None:
    """Return what a size earns, reckoned the long way; None where it is more than is shown or more than is left."""
    buying, selling = taken(asks, bought, limit=None, side=Side.BUY), taken(bids, sold, limit=None, side=Side.SELL)
    buy_due = fee_on_levels(buy_fee, side=Side.BUY, taken=buying)
    left = bought - buy_due.amount if buy_due.asset_is_base else bought
    if total_of(buying).quantity < bought or total_of(selling).quantity < sold or left < sold:
        return None
    paid = Decimal(0) if buy_due.asset_is_base else buy_due.amount
    sell_due = fee_on_levels(sell_fee, side=Side.SELL, taken=selling)
    return total_of(selling).quote - sell_due.amount - total_of(buying).quote - paid


def test_size_is_the_depth_that_pays():
    sized = size(levels(("100", "1"), ("101", "2"), ("104", "9")), levels(("103", "2"), ("102", "5")))
    assert isinstance(sized, Sized)
    assert (sized.buy_quantity, sized.sell_quantity) == (3, 3)
    assert (sized.buy_quote, sized.sell_quote) == (302, 308)
    assert (sized.buy_worst, sized.sell_worst) == (101, 102)
    assert sized.gross_quote == sized.net_quote == 6


def test_size_is_capped_by_the_thinner_book():
    sized = size(levels(("100", "3")), levels(("101", "0.4")))
    assert sized.buy_quantity == sized.sell_quantity == Decimal("0.4")


def test_fees_end_the_walk_earlier():
    asks, bids = levels(("100", "1"), ("101", "1")), levels(("102", "5"))
    assert size(asks, bids).buy_quantity == 2
    assert size(asks, bids, buy_fee=flat_fee("50"), sell_fee=flat_fee("70")).buy_quantity == 1


def test_quote_fees_are_paid_on_either_leg_and_shown_in_dollars():
    sized = size(
        levels(("100", "1")), levels(("102", "1")), buy_fee=flat_fee("25"), sell_fee=flat_fee("40"), rate="0.9"
    )
    assert [line.amount for line in sized.costs] == [Decimal("0.25"), Decimal("0.408")]
    assert [line.usd for line in sized.costs] == [Decimal("0.225"), Decimal("0.3672")]
    assert (sized.gross_quote, sized.net_quote) == (2, Decimal("1.342"))


def test_a_fee_in_base_leaves_less_to_sell():
    sized = size(
        levels(("100", "1")),
        levels(("102", "1")),
        buy_fee=flat_fee("25", FeeAsset.RECEIVED),
        buy_lot=lot("0.0001"),
        sell_lot=lot("0.0001"),
    )
    assert (sized.buy_quantity, sized.sell_quantity) == (1, Decimal("0.9975"))
    assert sized.costs[0].asset == PAIR.base
    assert sized.costs[0].amount == Decimal("0.0025")
    assert sized.net_quote == Decimal("101.745") - 100
    assert sized.gross_quote == sized.net_quote + Decimal("0.25")


def test_no_more_is_bought_than_the_coarser_lot_lets_us_sell():
    sized = size(
        levels(("100", "1")),
        levels(("103", "1")),
        buy_fee=flat_fee("25", FeeAsset.RECEIVED),
        buy_lot=lot("0.0001"),
        sell_lot=lot("0.1"),
    )
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("0.9023"), Decimal("0.9"))


def test_a_lot_that_straddles_the_best_size_is_taken_where_it_earns_more():
    asks, bids = levels(("100", "1.9"), ("104", "5")), levels(("103", "9"))
    sized = size(asks, bids, buy_lot=lot("1"), sell_lot=lot("1"))
    assert sized.buy_quantity == 2
    assert sized.net_quote == Decimal("5.6")


def test_unlike_lots_meet_on_their_common_multiple():
    sized = size(levels(("100", "1")), levels(("102", "1")), buy_lot=lot("0.02"), sell_lot=lot("0.03"))
    assert sized.buy_quantity == sized.sell_quantity == Decimal("0.96")


def test_the_cap_is_in_dollars_at_the_quote_s_rate():
    sized = size(levels(("100", "9")), levels(("102", "9")), max_usd="300", rate="1.5", buy_lot=lot("0.001"))
    assert sized.buy_quote == 200


@pytest.mark.parametrize(
    "tight",
    [{"min_quantity": "1.1"}, {"min_quote": "103"}],
)
@pytest.mark.parametrize("leg", ["buy_lot", "sell_lot"])
def test_less_than_either_market_takes_is_too_small(tight, leg):
    rejected = size(levels(("100", "1")), levels(("102", "1")), **{leg: lot("0.1", **tight)})
    assert (rejected.reason, rejected.at_stage) == ("too_small", "size")


def test_depth_below_one_lot_is_too_small():
    rejected = size(levels(("100", "0.4")), levels(("102", "0.4")), buy_lot=lot("1"))
    assert (rejected.reason, rejected.at_stage) == ("too_small", "size")


def test_what_does_not_pay_is_below_the_threshold():
    rejected = size(levels(("100", "1")), levels(("100.5", "1")), buy_fee=flat_fee("25"), sell_fee=flat_fee("40"))
    assert (rejected.reason, rejected.at_stage) == ("below_threshold", "cost")


def test_dollars_and_stablecoins_never_net():
    usdc = Pair.parse("BTC/USDC")
    route = Route((Leg(BUY_VENUE, PAIR, Side.BUY), Leg(SELL_VENUE, usdc, Side.SELL)))
    markets = (book(BUY_VENUE), book(SELL_VENUE, bids=levels(("200", "1")), pair=usdc))
    rejected = size_route(route, markets, config=SizedBy({}, {}, Caps(Decimal(1)), {}))
    assert (rejected.reason, rejected.at_stage) == ("no_conversion", "conversion")


def test_a_quote_without_a_rate_is_not_sized():
    markets = book(BUY_VENUE), book(SELL_VENUE, bids=levels(("102", "1")))
    rejected = size_route(ROUTE, markets, config=replace(sized_by(), quote_usd={}))
    assert (rejected.reason, rejected.at_stage) == ("no_rate", "size")


def test_unstated_fees_and_lots_are_named():
    markets = (book(BUY_VENUE), book(SELL_VENUE, bids=levels(("102", "1"))))
    with pytest.raises(BadInput, match=f"venue '{BUY_VENUE}'"):
        size_route(ROUTE, markets, config=replace(sized_by(), fees={}))
    with pytest.raises(BadInput, match=f"lot sizes .* on '{BUY_VENUE}'"):
        size_route(ROUTE, markets, config=replace(sized_by(), lots={}))


@pytest.mark.parametrize("step", ["0", "-1", "NaN"])
def test_a_lot_needs_a_positive_step(step):
    with pytest.raises(BadInput, match="lot step"):
        lot(step)


@pytest.mark.parametrize("cap", ["0", "-5", "NaN"])
def test_a_trade_limit_is_positive(cap):
    with pytest.raises(BadInput, match="trade limit"):
        Caps(Decimal(cap))


def test_what_a_sum_affords_walks_the_levels():
    asks = levels(("100", "1"), ("200", "2"))
    assert affordable(asks, Decimal(50)) == Decimal("0.5")
    assert affordable(asks, Decimal(200)) == Decimal("1.5")
    assert affordable(asks, Decimal(10_000)) == 3


def test_depth_pays_until_the_books_meet():
    asks, bids = levels(("100", "1"), ("101", "1"), ("102", "1")), levels(("103", "1.5"), ("101", "9"))
    assert paying_depth(asks, bids) == Decimal("1.5")


fees = st.builds(flat_fee, st.sampled_from(["0", "7.5", "25", "40"]), st.sampled_from(FeeAsset))
quote_fees = st.builds(flat_fee, st.sampled_from(["0", "7.5", "25", "40"]))
asks_drawn, bids_drawn = sides_of_book(Side.BUY, low="95", high="103"), sides_of_book(Side.SELL, low="98")
lots = st.sampled_from([lot("0.01"), lot("0.1"), lot("0.3"), lot("1")])


@given(asks=asks_drawn, bids=bids_drawn, buy_fee=fees, sell_fee=fees, buy_lot=lots, sell_lot=lots)
def test_a_size_is_within_both_books_on_both_lots_and_earns(asks, bids, buy_fee, sell_fee, buy_lot, sell_lot):
    sized = size(asks, bids, buy_fee=buy_fee, sell_fee=sell_fee, buy_lot=buy_lot, sell_lot=sell_lot)
    if isinstance(sized, Rejected):
        return
    assert sized.buy_quantity <= depth_of(asks)
    assert sized.sell_quantity <= depth_of(bids)
    assert sized.buy_quantity % buy_lot.step == sized.sell_quantity % sell_lot.step == 0
    assert sized.net_quote > 0
    assert sized.net_quote == profit(asks, bids, buy_fee, sell_fee, sized.buy_quantity, sized.sell_quantity)
    assert walk(asks, sized.buy_quantity, limit=sized.buy_worst, side=Side.BUY).quote == sized.buy_quote
    assert walk(bids, sized.sell_quantity, limit=sized.sell_worst, side=Side.SELL).quote == sized.sell_quote


@settings(max_examples=40)
@given(asks=asks_drawn, bids=bids_drawn, buy_fee=quote_fees, sell_fee=quote_fees, buy_lot=lots, sell_lot=lots)
def test_no_other_multiple_of_both_lots_earns_more(asks, bids, buy_fee, sell_fee, buy_lot, sell_lot):
    sized = size(asks, bids, buy_fee=buy_fee, sell_fee=sell_fee, buy_lot=buy_lot, sell_lot=sell_lot)
    best = sized.net_quote if isinstance(sized, Sized) else Decimal(0)
    step = common_step(buy_lot.step, sell_lot.step)
    for count in range(1, int(depth_of(asks) / step) + 1):
        other = profit(asks, bids, buy_fee, sell_fee, count * step, count * step)
        assert other is None or other <= best + Decimal("1e-15")


@settings(max_examples=40)
@given(asks=asks_drawn, bids=bids_drawn, bps=st.sampled_from(["5", "25", "40"]))
def test_with_a_fee_in_base_no_other_pair_of_lots_earns_noticeably_more(asks, bids, bps):
    buy_fee, sell_fee, step = flat_fee(bps, FeeAsset.RECEIVED), flat_fee("40"), Decimal("0.01")
    sized = size(asks, bids, buy_fee=buy_fee, sell_fee=sell_fee, buy_lot=lot("0.01"), sell_lot=lot("0.01"))
    best = sized.net_quote if isinstance(sized, Sized) else Decimal(0)
    dust_and_step = step * (asks[-1].price + max(bids[0].price - asks[0].price, Decimal(0)))
    for count in range(1, int(depth_of(asks) / step) + 1):
        sold = (count * step * buy_fee.taker_share.copy_negate() + count * step) // step * step
        other = profit(asks, bids, buy_fee, sell_fee, count * step, sold)
        assert other is None or other <= best + dust_and_step


@given(asks=asks_drawn, bids=bids_drawn, max_usd=decimals("1", "400", 2))
def test_the_cap_is_kept(asks, bids, max_usd):
    sized = size(asks, bids, max_usd=str(max_usd), buy_lot=lot("0.01"), sell_lot=lot("0.01"))
    assert isinstance(sized, Rejected) or sized.buy_quote <= max_usd


@given(asks=asks_drawn, bids=bids_drawn, buy_fee=fees, sell_fee=fees)
def test_filled_on_the_books_it_was_sized_on_a_trade_earns_what_was_planned(asks, bids, buy_fee, sell_fee):
    sized = size(asks, bids, buy_fee=buy_fee, sell_fee=sell_fee)
    if isinstance(sized, Rejected):
        return
    bought = _filled(book(asks=asks), Side.BUY, sized.buy_quantity, sized.buy_worst, buy_fee)
    sold = _filled(book(bids=bids), Side.SELL, sized.sell_quantity, sized.sell_worst, sell_fee)
    fees_quote = sum(fill.fee for fill in (*bought, *sold) if fill.fee_asset == PAIR.quote)
    assert sum(fill.quote for fill in sold) - sum(fill.quote for fill in bought) - fees_quote == sized.net_quote
    fees_base = sum(fill.fee for fill in bought if fill.fee_asset == PAIR.base)
    assert sum(fill.quantity for fill in bought) - fees_base >= sized.sell_quantity


def _filled(market: Book, side: Side, quantity: Decimal, limit: Decimal, fee: FeeSchedule):
    return paper_fills(market, client_id="id", side=side, quantity=quantity, limit=limit, fee=fee)


def near(asks, bids, **stated) -> Sized | None:
    markets = book(BUY_VENUE, asks=asks), book(SELL_VENUE, bids=bids)
    return size_near_miss(ROUTE, markets, config=sized_by(**stated))


def take(asks, bids, quantities, **stated) -> Sized | None:
    markets = book(BUY_VENUE, asks=asks), book(SELL_VENUE, bids=bids)
    return take_route(ROUTE, markets, tuple(map(Decimal, quantities)), config=sized_by(**stated))


def test_what_falls_short_is_sized_by_the_best_levels_of_both_books():
    sized = near(levels(("100", "2"), ("100.1", "9")), levels(("100.1", "0.4"), ("100", "9")), sell_fee=flat_fee("25"))
    assert (sized.buy_quantity, sized.sell_quantity) == (Decimal("0.4"), Decimal("0.4"))
    assert sized.net_quote == Decimal("0.04") - Decimal("0.1001")


def test_what_pays_of_a_near_miss_is_the_size_that_would_be_traded():
    asks, bids = levels(("100", "1"), ("101", "2"), ("104", "9")), levels(("103", "2"), ("102", "5"))
    assert near(asks, bids) == size(asks, bids)


def test_a_near_miss_keeps_to_cap_and_lots_and_is_none_where_they_leave_nothing():
    asks, bids, costs = levels(("100", "2")), levels(("100.1", "2")), flat_fee("25")
    assert near(asks, bids, sell_fee=costs, max_usd="50").buy_quantity == Decimal("0.5")
    assert near(asks, bids, sell_fee=costs, buy_lot=lot("0.3")).buy_quantity == Decimal("1.8")
    assert near(asks, bids, sell_fee=costs, buy_lot=lot("0.1", min_quote="1000")) is None
    assert near(asks, bids, sell_fee=costs, rate="0") is None


def test_a_stated_trade_is_reckoned_whole_gain_or_loss():
    asks, bids = levels(("100", "1"), ("102", "1")), levels(("101", "3"))
    gained, lost = take(asks, bids, ("1", "1")), take(asks, bids, ("2", "2"), sell_fee=flat_fee("100"))
    assert gained.net_quote == 1
    assert lost.net_quote == 2 * 101 - Decimal("2.02") - 202


def test_of_a_stated_trade_that_is_not_shown_whole_nothing_is_said():
    asks, bids = levels(("100", "1")), levels(("101", "1"))
    assert take(asks, bids, ("1.00000001", "1")) is None
    assert take(asks, bids, ("1", "1.00000001")) is None
    assert take((), bids, ("1", "1")) is None


@given(asks=sides_of_book(Side.BUY), bids=sides_of_book(Side.SELL), bps=decimals("0", "200", 1))
def test_a_sized_trade_taken_on_the_books_it_was_sized_on_is_itself(asks, bids, bps):
    fees = {"buy_fee": flat_fee(bps, FeeAsset.RECEIVED), "sell_fee": flat_fee(bps)}
    sized = size(asks, bids, **fees)
    if isinstance(sized, Sized):
        assert take(asks, bids, (sized.buy_quantity, sized.sell_quantity), **fees) == sized


@given(asks=sides_of_book(Side.BUY), bids=sides_of_book(Side.SELL), bps=decimals("0", "200", 1))
def test_a_near_miss_that_does_not_pay_is_no_larger_than_either_best_level(asks, bids, bps):
    fees = {"buy_fee": flat_fee(bps), "sell_fee": flat_fee(bps)}
    sized = near(asks, bids, **fees)
    assert sized is not None
    if sized.net_quote < 0:
        assert sized.buy_quantity == sized.sell_quantity <= min(asks[0].quantity, bids[0].quantity)
    else:
        assert sized == size(asks, bids, **fees) or sized.net_quote == 0
