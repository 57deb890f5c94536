from decimal import Decimal

import pytest

from arbsite.demo.words import RefusalLine, age, bps, percent, refusal_lines, route_in_words, swaps_in_words, usd
from trading.selectors.results import NO_SWAPS, Refusals, Swaps


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00"), ("-0.001", "0.00"), ("1234.5", "+1,234.50"), ("8.339", "+8.33"), ("-8.333", "-8.34")],
)
def test_dollars_read_in_cents_with_their_sign(amount, text):
    assert usd(Decimal(amount)) == text


def test_what_is_not_known_is_a_dash():
    assert (bps(None), percent(None), age(None)) == ("-", "-", "-")


def test_basis_points_never_read_as_minus_zero():
    assert bps(Decimal("-0.04")) == "0.0 bps"


def test_old_books_are_told_in_seconds():
    assert (age(409), age(30_500)) == ("409 ms", "30 s")


def test_a_route_reads_as_what_is_done():
    assert route_in_words("kraken:BTC/USD>alpaca:BTC/USD") == "buy on kraken, sell on alpaca"


def test_reasons_of_trades_come_before_those_of_looks_and_six_are_shown():
    refusals = Refusals({f"look_{n}": n for n in range(9)}, {f"trade_{n}": n for n in range(1, 9)})
    lines = refusal_lines(refusals)
    assert [line.of for line in lines] == ["trades"] * 4 + ["looks"] * 2
    assert lines[0] == RefusalLine("trade 8", "trades", 8)
    assert lines[4] == RefusalLine("look 8", "looks", 8)


def test_what_was_traded_with_pools_is_told_with_its_gas_and_a_missing_chain_is_said():
    told = swaps_in_words(Swaps(12, 2, Decimal("3.456")), has_chain=True)
    assert told == "12 swaps, 2 reverted, gas 3.46 USD"
    assert swaps_in_words(NO_SWAPS, has_chain=True) == "0 swaps, gas 0.00 USD"
    assert swaps_in_words(NO_SWAPS, has_chain=False) == "no chain"
