"""What is said of a report: the answer first, nothing made smaller than it is."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.trading.services.backtest.reports import NOTHING_TRADED, REPORT, ROUTE, TOLD
from trading.formats import lasting
from trading.services.backtest import words
from trading.services.backtest.tables import sheets_of
from trading.services.replay.assumptions import assumptions_in_words


def test_a_loss_and_a_cost_are_never_shown_smaller_than_they_are():
    assert words.change(Decimal("-0.001")) == "-0.01"
    assert words.change(Decimal("0.019")) == "+0.01"
    assert words.cost(Decimal("9.001")) == "9.01"
    assert words.cost(Decimal(0)) == "0.00"
    assert words.usd(Decimal("9999.9999999")) == "10,000.00"


def test_the_answer_comes_first():
    assert words.headline(REPORT)[0].startswith("Trading would have paid: 1.85 USD more than holding")
    lost = replace(REPORT, executed_usd=Decimal("-3.001"))
    assert words.headline(lost)[0].startswith("Trading would not have paid")
    assert "2.65 USD more" in words.headline(lost)[0]
    assert words.headline(NOTHING_TRADED)[0].startswith("No trade was made")


def test_the_three_parts_are_told_apart():
    told = words.headline(REPORT)[1]
    assert "the trades earned +1.49" in told
    assert "held from the start by +2.50" in told
    assert "is worth +0.35 there" in told


def test_a_venue_that_ran_dry_is_told_and_so_is_one_that_was_overdrawn():
    assert "7 looks paid" in words.headline(REPORT)[2]
    overdrawn = replace(REPORT, places=(replace(REPORT.places[0], lowest=Decimal("-0.5")), *REPORT.places[1:]))
    assert words.headline(overdrawn)[-1] == "More was used than was there: BTC on binanceus (-0.500000)."


def test_the_sum_is_told_to_the_last_digit():
    assert words.sum_of_parts(REPORT) == "Exactly: executed 1.499 + hold 2.5 + inventory 0.3577 = 4.3567, remainder 0."


def test_reasons_are_told_from_the_one_nearest_to_a_trade_on():
    told = words.reasons(replace(REPORT, refused=dict(sorted(REPORT.refused.items()))))
    assert told[0] == (
        "Why nothing, or no more, was traded: limit not reached 1, no inventory 7, below threshold 1,472."
    )
    assert words.reasons(replace(NOTHING_TRADED, refused={})) == [
        "Why nothing, or no more, was traded: nothing was refused.",
        "Executions by final state: none.",
        "Breakers, times opened: none.",
    ]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("kraken:BTC/USD>alpaca:BTC/USD", "kraken > alpaca BTC/USD"),
        ("kraken:BTC/USD>alpaca:BTC/USDC", "kraken:BTC/USD>alpaca:BTC/USDC"),
    ],
)
def test_a_route_is_named_as_people_say_it(key, name):
    assert words.route_name(key) == name


def test_delays_are_told_in_their_own_unit():
    assert [lasting(one) for one in (250, 3_000, 60_000)] == ["250 ms", "3 s", "1 min"]


def test_what_it_rests_on_is_told_for_candles_and_for_recordings():
    assert "spread 2 bps" in " ".join(assumptions_in_words(TOLD))
    held = {
        "recording": 4,
        "mode": "sim",
        "books": 12_000,
        "markets": ["kraken:BTC/USD", "alpaca:BTC/USD"],
        "lost": 0,
        "first_book": "2026-11-01T10:00:00+00:00",
        "last_book": "2026-11-01T11:00:00+00:00",
    }
    told = " ".join(assumptions_in_words({**TOLD, "data": [held]}))
    assert "Recording 4 of sim: 12,000 books of 2 markets, 2026-11-01T10:00:00 to 2026-11-01T11:00:00 UTC." in told


def test_every_table_has_a_cell_for_every_name():
    for report in (REPORT, NOTHING_TRADED):
        for sheet in sheets_of(report):
            assert {len(row) for row in sheet.rows} == {len(sheet.names)}, sheet.title


def test_the_lines_of_inventory_are_shown_where_there_is_more_than_one():
    open_left = replace(REPORT, inventory=replace(REPORT.inventory, open_usd=Decimal("-751.9")))
    names = [row[0] for row in sheets_of(open_left)[0].rows]
    assert "  of it cash of executions left to a person" in names
    assert len(names) == len(sheets_of(REPORT)[0].rows) + 3


def test_gas_has_a_column_where_any_was_paid():
    paid = replace(ROUTE, costs=replace(ROUTE.costs, gas_usd=Decimal(2)))
    names = {sheet.title: sheet.names for sheet in sheets_of(replace(REPORT, routes=(paid,)))}
    assert "- gas" in names["From edge to result, in USD"]
