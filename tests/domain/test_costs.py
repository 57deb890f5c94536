"""Fees: schedules, the dated table, and what one fill owes."""

from decimal import Decimal

import pytest
from hypothesis import given

from domain.costs import ENTRY_TIER, FeeAsset, FeeSchedule, entry_tier, fee_on, fee_on_levels, parse_fees, schedule_of
from domain.errors import BadInput
from domain.market import Side
from domain.money import COLUMN_STEP
from tests.domain.books import decimals, flat_fee, levels


def test_the_flagship_route_costs_65_bps():
    assert entry_tier("kraken").taker_bps + entry_tier("alpaca").taker_bps == 65
    assert entry_tier("kraken").taker_bps + entry_tier("binanceus").taker_bps == 65


def test_every_entry_of_the_table_is_dated_or_called_a_scenario():
    assert all("2026-" in row.source or "scenario" in row.source for row in ENTRY_TIER.values())


def test_an_unknown_venue_is_named_and_never_guessed():
    with pytest.raises(BadInput, match="'mtgox'"):
        entry_tier("mtgox")
    with pytest.raises(BadInput, match="'kraken'"):
        schedule_of({}, "kraken")


def test_buying_a_tenth_of_a_bitcoin_on_alpaca_costs_a_quarter_of_a_thousandth():
    due = fee_on(entry_tier("alpaca"), side=Side.BUY, quantity=Decimal("0.1"), quote=Decimal(3000))
    assert due == (True, Decimal("0.00025"))


def test_selling_on_alpaca_costs_quote():
    due = fee_on(entry_tier("alpaca"), side=Side.SELL, quantity=Decimal("0.1"), quote=Decimal(3000))
    assert due == (False, Decimal("7.5"))


def test_kraken_takes_quote_either_way():
    for side in Side:
        due = fee_on(entry_tier("kraken"), side=side, quantity=Decimal("0.1"), quote=Decimal(3000))
        assert due == (False, Decimal(12))


def test_a_fee_finer_than_the_column_is_rounded_up():
    due = fee_on(flat_fee("0.01"), side=Side.SELL, quantity=Decimal(1), quote=Decimal("1e-15"))
    assert due.amount == COLUMN_STEP


@given(quantity=decimals("0.00000001", "1000", 8), price=decimals("0.01", "100000", 2), bps=decimals("0", "100", 4))
def test_a_fee_is_never_less_than_the_exact_share_nor_a_step_more(quantity, price, bps):
    schedule = FeeSchedule(bps, bps)
    quote = price * quantity
    due = fee_on(schedule, side=Side.BUY, quantity=quantity, quote=quote)
    assert 0 <= due.amount - quote * bps / 10_000 < COLUMN_STEP


def test_fees_on_levels_are_the_sum_of_the_fees_on_each():
    taken = levels(("100", "1"), ("101", "2"))
    assert fee_on_levels(flat_fee("10"), side=Side.BUY, taken=taken) == (False, Decimal("0.302"))
    in_base = flat_fee("10", FeeAsset.RECEIVED)
    assert fee_on_levels(in_base, side=Side.BUY, taken=taken) == (True, Decimal("0.003"))


def test_stated_fees_are_read_maker_first():
    venue, schedule = parse_fees("kraken=25/40")
    assert (venue, schedule.maker_bps, schedule.taker_bps) == ("kraken", 25, 40)


def test_stated_fees_keep_the_asset_that_a_known_venue_charges():
    assert parse_fees("alpaca=1/2")[1].charged_in is FeeAsset.RECEIVED
    assert parse_fees("elsewhere=1/2.5")[1].charged_in is FeeAsset.QUOTE


@pytest.mark.parametrize("text", ["kraken", "kraken=25", "=25/40", "kraken=a/40", "kraken=25/nan", "kraken=25/-1", ""])
def test_fees_that_cannot_be_read_are_refused_in_a_sentence(text):
    with pytest.raises(BadInput):
        parse_fees(text)


@pytest.mark.parametrize(("maker", "taker"), [("0", "-1"), ("0", "10000"), ("-10000", "0"), ("NaN", "1"), ("1", "NaN")])
def test_an_impossible_schedule_cannot_be_made(maker, taker):
    with pytest.raises(BadInput, match="bps"):
        FeeSchedule(Decimal(maker), Decimal(taker))
