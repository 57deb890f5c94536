"""Numbers and instants as venues write them."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData
from domain.timestamps import EPOCH
from trading.venues.exact import decode_json, exact_float, instant_ns, plain_digits


def reason_of(act: object, *args: object) -> str:
    with pytest.raises(BadMarketData) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value.reason


@given(st.decimals(0, 10**12, places=8))
def test_plain_digits_are_kept_as_they_stand(number: Decimal) -> None:
    text = format(number, "f")
    assert plain_digits(text) == text


@pytest.mark.parametrize(("text", "plain"), [("1e-8", "0.00000001"), ("2.5E3", "2500")])
def test_an_exponent_is_written_out(text: str, plain: str) -> None:
    assert plain_digits(text) == plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "not_finite"),
        ("-Infinity", "not_finite"),
        ("-0.1", "negative"),
        ("1e400", "out_of_range"),
        ("1" * 40, "out_of_range"),
        ("0." + "1" * 19, "out_of_range"),
        ("1e-30", "out_of_range"),
        ("1,5", "not_a_number"),
        ("", "not_a_number"),
        ("١٢", "not_a_number"),
        (None, "not_a_number"),
        (12.5, "not_a_number"),
        (["1"], "not_a_number"),
    ],
)
def test_what_is_no_price_is_refused_by_name(text: object, reason: str) -> None:
    assert reason_of(plain_digits, text) == reason


@given(st.floats(min_value=1e-9, max_value=1e15, allow_nan=False))
def test_a_float_becomes_the_shortest_decimal_that_reads_back(value: float) -> None:
    try:
        assert float(exact_float(value)) == value
    except BadMarketData as bad:
        assert bad.reason == "out_of_range"
        assert -Decimal(repr(value)).as_tuple().exponent > 18  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (-1.0, "negative"),
        (1e300, "out_of_range"),
        (1e-30, "out_of_range"),
        (True, "not_a_number"),
        ("1.5", "not_a_number"),
        (None, "not_a_number"),
    ],
)
def test_a_float_that_is_no_price_is_refused_by_name(value: object, reason: str) -> None:
    assert reason_of(exact_float, value) == reason


@given(st.integers(0, 4_000_000_000_000_000), st.integers(0, 999))
def test_an_instant_keeps_its_nanoseconds(at_us: int, ns: int) -> None:
    at = EPOCH + timedelta(microseconds=at_us)
    assert instant_ns(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}{ns:03d}Z") == at_us * 1000 + ns


def test_an_instant_may_lack_its_fraction() -> None:
    assert instant_ns("1970-01-02T00:00:00Z") == timedelta(days=1) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    "text", ["", "2023-13-01T00:00:00Z", "2023-01-01T00:00:00", "2023-01-01T00:00:00+02:00", 5, None]
)
def test_what_is_no_utc_instant_is_refused(text: object) -> None:
    assert reason_of(instant_ns, text) == "bad_instant"


def test_json_numbers_keep_their_digits() -> None:
    assert decode_json('{"price": 0.00100000, "qty": 45281.0, "n": 7}') == {
        "price": "0.00100000",
        "qty": "45281.0",
        "n": "7",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": NaN}', "not_finite"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ('{"a": 1', "not_json"),
        ("<html>", "not_json"),
        ("", "not_json"),
        (b"\xff\xfe", "not_json"),
        ("[" * 100_000, "not_json"),
    ],
)
def test_json_that_cannot_be_trusted_is_refused_by_name(text: str | bytes, reason: str) -> None:
    assert reason_of(decode_json, text) == reason


@given(st.text(max_size=60))
def test_no_text_crashes_the_decoder(text: str) -> None:
    try:
        decode_json(text)
    except BadMarketData as bad:
        assert bad.reason in {"not_json", "not_finite", "duplicate_key"}
    else:
        json.loads(text)
