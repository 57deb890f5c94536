"""Money to the last digit, where the default context would keep 28 of them."""

from decimal import Decimal

import pytest

from domain.money import ceil_to_step, common_step, exact_sum, plain

LONG = Decimal("12345678901234567890.123456789012345678")


def test_a_sum_keeps_every_digit():
    assert exact_sum([LONG, Decimal("1e-18")]) == Decimal("12345678901234567890.123456789012345679")
    assert exact_sum([]) == 0


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (LONG, "12345678901234567890.123456789012345678"),
        (Decimal("0.500000"), "0.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-18"), "0"),
        (Decimal("-0.10"), "-0.1"),
    ],
)
def test_an_amount_is_written_with_every_digit_and_no_idle_zero(amount, written):
    assert plain(amount) == written


def test_steps_meet_on_their_least_common_multiple():
    assert common_step(Decimal("0.02"), Decimal("0.03")) == Decimal("0.06")
    assert common_step(Decimal("1e-8"), Decimal("0.00001")) == Decimal("0.00001")
    assert common_step(Decimal(1), Decimal("0.3")) == 3


def test_rounding_up_to_a_step_keeps_a_multiple():
    assert ceil_to_step(Decimal("0.31"), Decimal("0.1")) == Decimal("0.4")
    assert ceil_to_step(Decimal("0.3"), Decimal("0.1")) == Decimal("0.3")
