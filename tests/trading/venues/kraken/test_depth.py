"""Kraken's Depth answers: exact texts, converted when a level is used, bad ones refused by name."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import validate
from domain.errors import BadMarketData
from domain.market import Level
from tests.fakes import BTC_USD
from trading.venues.exact import plain_digits
from trading.venues.kraken.depth import RawBook, Row, levels_of, read_depth, read_depth_in_decimals

ASKS = [["64000.10000", "0.001", 1_700_000_000], ["64001.00000", "2.500", 1_700_000_001]]
BIDS = [["63999.90000", "1.000", 1_700_000_000.5]]


def body(asks=ASKS, bids=BIDS) -> bytes:
    return json.dumps({"error": [], "result": {"XXBTZUSD": {"asks": asks, "bids": bids}}}).encode()


def raw(**sides) -> RawBook:
    return RawBook("kraken", BTC_USD, read_depth(body(**sides)).depth, asked_at_ns=5, seq=7)


def test_a_depth_keeps_every_digit_as_sent():
    depth = read_depth(body()).depth
    assert depth.asks == [Row("64000.10000", "0.001"), Row("64001.00000", "2.500")]
    assert str(raw().book(25).asks[0].price) == "64000.10000"


def test_only_the_levels_that_are_used_are_converted():
    book = raw(asks=[*ASKS, ["no number", "1", 0]]).book(2)
    assert book.asks == (Level(Decimal("64000.1"), Decimal("0.001")), Level(Decimal(64001), Decimal("2.5")))
    assert (book.venue_at_ns, book.seen_at_ns, book.seq) == (5, 5, 7)


def test_both_readings_of_an_answer_hold_the_same_numbers():
    texts, numbers = read_depth(body()).depth, read_depth_in_decimals(body()).depth
    assert [Row(Decimal(row.price), Decimal(row.quantity)) for row in texts.asks] == numbers.asks


def test_an_exponent_is_written_out():
    assert levels_of([Row("1e-8", "1")], 5) == (Level(Decimal("0.00000001"), Decimal(1)),)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("NaN", "not_finite"),
        ("-1", "negative"),
        ("1_000", "not_a_number"),
        (" 1", "not_a_number"),
        ("1.5 0", "not_a_number"),
        ("9" * 19, "out_of_range"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(number, reason):
    with pytest.raises(BadMarketData, match=reason):
        raw(asks=[[number, "1", 0], *ASKS]).book(25)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>502</html>",
        body()[:-9],
        b'{"error": []}',
        b'{"error": [], "result": {"A": {"asks": [[1.5, 2, 3]], "bids": []}}}',
        b'{"error": [], "result": {"A": {"asks": [["1.5"]], "bids": []}}}',
        b'{"error": [], "result": {"A": {"asks": []}}}',
        b'{"error": [], "result": {"A": {"asks": [], "bids": []}, "B": {"asks": [], "bids": []}}}',
        b"\xff",
    ],
)
def test_an_answer_that_is_no_depth_is_refused(answer):
    with pytest.raises(BadMarketData, match=r"malformed|not_json"):
        assert read_depth(answer).depth


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(answer):
    for read in (read_depth, read_depth_in_decimals):
        with pytest.raises(BadMarketData):
            assert read(answer).depth


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6))
def test_a_converted_level_is_one_that_each_of_its_texts_writes(rows):
    try:
        wanted = tuple(Level(Decimal(plain_digits(price)), Decimal(plain_digits(size))) for price, size in rows)
    except BadMarketData:
        with pytest.raises(BadMarketData):
            levels_of([Row(*row) for row in rows], 10)
    else:
        assert levels_of([Row(*row) for row in rows], 10) == wanted


def test_odd_decimals_never_pass_for_a_sound_book():
    depth = read_depth_in_decimals(body(asks=[["NaN", "1", 0]])).depth
    asks = tuple(Level(row.price, row.quantity) for row in depth.asks)
    with pytest.raises(BadMarketData, match="not_finite"):
        validate(replace(raw().book(5), asks=asks))
