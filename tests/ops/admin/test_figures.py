"""Figures as people read them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.admin import figures

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=18)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (figures.exact, "0.500000000000000000", "0.5"),
        (figures.exact, "1E+3", "1000"),
        (figures.exact, "-0", "0"),
        (figures.short, "6.755387420000000001", "6.75538742"),
        (figures.short, "-0.000000001", "0"),
        (figures.bps, "104.5811", "104.6"),
        (figures.bps, "-0.04", "0.0"),
        (figures.usd, "1234.5", "$1,234.50"),
        (figures.usd, "-0.333", "-$0.33"),
        (figures.usd, "0.00123", "$0.0012"),
        (figures.usd, "0", "$0.00"),
        (figures.earned, "162.349", "$162.34"),
        (figures.earned, "-0.333", "-$0.34"),
        (figures.spent, "0.201", "$0.21"),
        (figures.earned, "-0.00123", "-$0.0012"),
    ],
)
def test_an_amount_is_written_for_people(write, value, text):
    assert write(Decimal(value)) == text


@given(AMOUNTS)
def test_exact_loses_no_digit(value):
    assert Decimal(figures.exact(value)) == value


@given(AMOUNTS)
def test_short_is_never_off_by_more_than_half_of_its_last_place(value):
    assert abs(Decimal(figures.short(value)) - value) <= Decimal("5e-9")


def test_a_column_of_figures_shares_its_decimals():
    assert figures.aligned([Decimal("82.7"), Decimal("82.68"), Decimal(83)]) == ["82.70", "82.68", "83.00"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("profit_usd", Decimal("5.4"), "$5.40"),
        ("slippage_bps", Decimal("1.25"), "1.2"),
        ("size", Decimal("0.10"), "0.1"),
        ("executed", True, "yes"),
        ("closed_at", None, figures.NOTHING),
        ("reason", "max_open_executions", "max open executions"),
        ("trade_id", "a_b", "a_b"),
        ("volatility_1h", 0.123456789, "0.123457"),
        ("closed_at", datetime(2026, 3, 11, 12, 0, 0, 7_900, tzinfo=UTC), "2026-03-11 12:00:00.007"),
        ("route_key", "kraken:BTC/USD>alpaca:BTC/USD", "BTC/USD kraken → alpaca"),
        ("route_key", "kraken:BTC/USD>alpaca:BTC/USDC", "kraken BTC/USD → alpaca BTC/USDC"),
    ],
)
def test_the_name_of_a_column_says_how_it_is_read(name, value, text):
    assert figures.shown(name, value) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(milliseconds=3_162), "3.16 s"),
        (timedelta(seconds=12.34), "12.3 s"),
        (timedelta(hours=2, seconds=3), "2:00:03"),
        (timedelta(milliseconds=-5), "-5 ms"),
    ],
)
def test_a_length_of_time_stands_in_the_unit_that_suits_it(length, text):
    assert figures.lapse(length) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=100), "100 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=13, hours=18), "14 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(length, text):
    assert figures.roughly(length) == text
