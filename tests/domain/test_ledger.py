"""The ledger: two sides to every fill, and a waterfall without a remainder."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeAsset
from domain.errors import BadInput
from domain.fills import Fill, paper_fills
from domain.ledger import (
    Booked,
    Entry,
    Settlement,
    average_price,
    entries_for,
    imbalance,
    net_exposure,
    settle,
)
from domain.market import Asset, Side
from domain.sizing import size_route
from domain.terms import Caps, Sized
from tests.domain.books import (
    BUY_VENUE,
    FINE,
    PAIR,
    ROUTE,
    SELL_VENUE,
    SizedBy,
    book,
    decimals,
    flat_fee,
    key,
    sides_of_book,
)

BTC, USD = PAIR.base, PAIR.quote


def fill(price: str, quantity: str, fee: str = "0", fee_asset: Asset = USD) -> Fill:
    """Return a fill."""
    return Fill("t-1", Decimal(price), Decimal(quantity), fee_asset, Decimal(fee))


def bought(price: str, quantity: str, fee: str = "0", fee_asset: Asset = USD, *, unwind: bool = False) -> Booked:
    """Return a booked purchase."""
    return Booked(BUY_VENUE, Side.BUY, fill(price, quantity, fee, fee_asset), unwind)


def sold(price: str, quantity: str, fee: str = "0", *, unwind: bool = False) -> Booked:
    """Return a booked sale."""
    return Booked(SELL_VENUE, Side.SELL, fill(price, quantity, fee), unwind)


def settled(*booked: Booked, gross: str = "2", quantity: str = "1", gas: str = "0") -> Settlement:
    """Settle against a plan."""
    return settle(PAIR, booked, planned_gross=Decimal(gross), planned_quantity=Decimal(quantity), gas=Decimal(gas))


def test_a_buy_takes_base_from_the_market_and_gives_quote_and_fee():
    assert entries_for("kraken", PAIR, Side.BUY, fill("100", "2", "0.8")) == (
        Entry("venue:kraken", BTC, Decimal(2)),
        Entry("market:kraken", BTC, Decimal(-2)),
        Entry("venue:kraken", USD, Decimal(-200)),
        Entry("market:kraken", USD, Decimal(200)),
        Entry("venue:kraken", USD, Decimal("-0.8")),
        Entry("fees:kraken", USD, Decimal("0.8")),
    )


def test_a_sale_is_the_other_way_round():
    entries = entries_for("kraken", PAIR, Side.SELL, fill("100", "2"))
    assert net_exposure(entries) == {BTC: Decimal(-2), USD: Decimal(200)}
    assert len(entries) == 4


def test_a_value_finer_than_the_column_goes_against_us():
    fine = fill("0.3333333333", "0.33333333333")
    (_, _, paid, _) = entries_for("kraken", PAIR, Side.BUY, fine)
    (_, _, received, _) = entries_for("kraken", PAIR, Side.SELL, fine)
    assert -paid.amount - received.amount == Decimal("1e-18")
    assert -paid.amount > fine.quote > received.amount


money = decimals("0.00000001", "100000", 8)
fills = st.builds(Fill, st.just("t"), money, money, st.sampled_from([BTC, USD]), money)
rows = st.lists(
    st.builds(Booked, st.sampled_from(["kraken", "alpaca"]), st.sampled_from(Side), fills, st.booleans()), max_size=8
)


@given(booked=rows)
def test_the_ledger_sums_to_zero_in_every_asset(booked):
    entries = [entry for row in booked for entry in entries_for(row.venue, PAIR, row.side, row.fill)]
    assert imbalance(entries) == {}


def test_an_imbalance_is_found():
    assert imbalance([Entry("venue:kraken", USD, Decimal(1))]) == {USD: Decimal(1)}


def test_exposure_that_comes_out_even_is_left_out():
    entries = [
        entry
        for row in (bought("100", "1"), sold("101", "1"))
        for entry in entries_for(row.venue, PAIR, row.side, row.fill)
    ]
    assert net_exposure(entries) == {USD: Decimal(1)}


def test_a_trade_as_planned_has_no_slippage():
    result = settled(bought("100", "1", "0.4"), sold("102", "1", "0.3")).waterfall
    assert (result.gross, result.fees, result.slippage, result.unwind, result.net) == (
        2,
        Decimal("0.7"),
        0,
        0,
        Decimal("1.3"),
    )


def test_worse_prices_are_slippage():
    result = settled(bought("100.5", "1"), sold("101.8", "1"), gas="0.1").waterfall
    assert (result.slippage, result.gas, result.net) == (Decimal("0.7"), Decimal("0.1"), Decimal("1.2"))


def test_better_prices_are_negative_slippage():
    assert settled(bought("99", "1"), sold("102", "1")).waterfall.slippage == -1


def test_half_of_the_plan_filled_is_half_of_the_edge_and_no_slippage():
    result = settled(bought("100", "0.5"), sold("102", "0.5")).waterfall
    assert (result.gross, result.slippage, result.net) == (1, 0, 1)


def test_nothing_filled_is_nothing():
    result = settled()
    assert (result.waterfall.gross, result.waterfall.net, result.waterfall.remainder) == (0, 0, 0)
    assert result.quote_delta == result.base_dust == 0


def test_a_lone_leg_s_loss_is_the_unwinding_s():
    result = settled(bought("100", "1", "0.4"), sold("99", "1", "0.3", unwind=True)).waterfall
    assert (result.gross, result.fees, result.slippage) == (0, Decimal("0.4"), 0)
    assert (result.unwind, result.net) == (Decimal("1.3"), Decimal("-1.7"))


def test_a_lone_sale_is_unwound_by_buying_back():
    result = settled(sold("102", "1"), bought("103", "1", unwind=True)).waterfall
    assert (result.slippage, result.unwind, result.net) == (0, 1, -1)


def test_a_part_left_over_is_unwound_at_its_own_price():
    result = settled(bought("100", "1"), sold("102", "0.6"), sold("99", "0.4", unwind=True)).waterfall
    assert (result.gross, result.slippage) == (Decimal("1.2"), 0)
    assert (result.unwind, result.net) == (Decimal("0.4"), Decimal("0.8"))


def test_base_that_is_left_over_counts_for_nothing():
    result = settled(bought("100", "1.01"), sold("102", "1"), gross="1")
    assert (result.base_dust, result.dust_value) == (Decimal("0.01"), 0)
    assert (result.waterfall.slippage, result.waterfall.net) == (0, 1)


def test_base_that_is_owed_costs_the_dearest_price():
    result = settled(bought("100", "0.99"), sold("102", "1"))
    assert (result.base_dust, result.dust_value) == (Decimal("-0.01"), Decimal("-1.02"))
    assert result.waterfall.net == result.quote_delta - Decimal("1.02")


def test_a_fee_in_base_is_worth_the_price_just_paid():
    result = settled(bought("100", "1", "0.0025", BTC), sold("102", "0.9975"), gross="1.995", quantity="0.9975")
    assert result.waterfall.fees == Decimal("0.25")
    assert result.waterfall.slippage == 0
    assert result.waterfall.net == result.quote_delta == Decimal("1.745")


def test_a_fee_in_a_third_asset_has_no_price():
    with pytest.raises(BadInput, match="paid its fee in KFEE"):
        settled(bought("100", "1", "1", Asset("KFEE")))


@given(booked=rows, gross=decimals("-1000", "1000", 8), quantity=money, gas=decimals("0", "100", 8))
def test_the_waterfall_closes_to_the_last_digit(booked, gross, quantity, gas):
    result = settle(PAIR, booked, planned_gross=gross, planned_quantity=quantity, gas=gas)
    fall = result.waterfall
    assert fall.remainder == 0
    assert fall.net == result.quote_delta + result.dust_value - gas


@given(booked=rows, gross=money, quantity=money)
def test_the_result_is_the_change_of_our_balances(booked, gross, quantity):
    result = settle(PAIR, booked, planned_gross=gross, planned_quantity=quantity)
    entries = [entry for row in booked for entry in entries_for(row.venue, PAIR, row.side, row.fill)]
    held = net_exposure(entries)
    assert (result.quote_delta, result.base_dust) == (held.get(USD, 0), held.get(BTC, 0))


fees = st.builds(flat_fee, st.sampled_from(["0", "25", "40"]), st.sampled_from(FeeAsset))


@given(asks=sides_of_book(Side.BUY), bids=sides_of_book(Side.SELL), buy_fee=fees, sell_fee=fees)
def test_a_plan_filled_on_its_own_books_settles_at_its_own_figures(asks, bids, buy_fee, sell_fee):
    markets = (book(BUY_VENUE, asks=asks), book(SELL_VENUE, bids=bids))
    fee_of = {BUY_VENUE: buy_fee, SELL_VENUE: sell_fee}
    sized = size_route(
        ROUTE,
        markets,
        config=SizedBy(fee_of, {key(BUY_VENUE): FINE, key(SELL_VENUE): FINE}, Caps(Decimal(10**6))),
    )
    if not isinstance(sized, Sized):
        return
    orders = (
        (Side.BUY, sized.buy_quantity, sized.buy_worst),
        (Side.SELL, sized.sell_quantity, sized.sell_worst),
    )
    booked = [
        Booked(market.venue, side, filled)
        for market, (side, quantity, limit) in zip(markets, orders, strict=True)
        for filled in paper_fills(
            market, client_id="id", side=side, quantity=quantity, limit=limit, fee=fee_of[market.venue]
        )
    ]
    fall = settle(PAIR, booked, planned_gross=sized.gross_quote, planned_quantity=sized.sell_quantity).waterfall
    assert (fall.gross, fall.slippage, fall.unwind, fall.net) == (sized.gross_quote, 0, 0, sized.net_quote)


def test_an_average_price_is_rounded_against_us():
    thirds = [fill("1", "1"), fill("2", "2")]
    assert average_price(thirds, Side.BUY) == Decimal("1.666666666666666667")
    assert average_price(thirds, Side.SELL) == Decimal("1.666666666666666666")
    assert average_price([], Side.BUY) is None
