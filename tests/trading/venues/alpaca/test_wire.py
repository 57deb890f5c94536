"""What Alpaca writes."""

import json
from decimal import Decimal
from typing import Any

import msgpack
import pytest

from domain.errors import BadMarketData
from domain.market import Book, Pair
from trading.venues.alpaca import wire

PAIR = Pair.parse("BTC/USD")
AT_NS = 1696613755440295123
STAMP = msgpack.Timestamp.from_unix_nano(AT_NS)


def book_row(**changed: Any) -> dict[str, Any]:
    row = {"T": "o", "S": "BTC/USD", "t": STAMP, "b": [{"p": 99.5, "s": 0.1}], "a": [{"p": 100.25, "s": 2}], "r": True}
    return row | changed


def packed(*rows: Any) -> bytes:
    frame = msgpack.packb(list(rows))
    assert isinstance(frame, bytes)
    return frame


def reason_of(frame: str | bytes) -> str:
    with pytest.raises(BadMarketData) as caught:
        wire.parse_frame(frame)
    return caught.value.reason


def test_a_whole_book_turns_floats_into_the_decimals_they_were() -> None:
    (message,) = wire.parse_frame(packed(book_row()))
    assert isinstance(message, wire.BookMessage)
    assert (message.is_whole, message.symbol, message.venue_at_ns) == (True, "BTC/USD", AT_NS)
    assert message.bids[0][:2] == (Decimal("99.5"), Decimal("0.1"))
    assert message.asks[0][:2] == (Decimal("100.25"), Decimal(2))


def test_an_update_may_leave_a_side_out_and_write_its_instant_as_text() -> None:
    row = book_row(t="2023-10-06T17:35:55.440295123Z")
    del row["a"], row["r"]
    (message,) = wire.parse_frame(packed(row))
    assert isinstance(message, wire.BookMessage)
    assert (message.is_whole, message.asks, message.venue_at_ns) == (False, [], AT_NS)


def test_the_handshake_and_errors_are_told() -> None:
    frame = packed(
        {"T": "success", "msg": "connected"},
        {"T": "subscription", "orderbooks": ["BTC/USD"], "trades": []},
        {"T": "error", "code": 406, "msg": "connection limit exceeded"},
        {"T": "q", "S": "BTC/USD"},
    )
    assert wire.parse_frame(frame) == [
        wire.Said("connected"),
        wire.Subscribed(("BTC/USD",)),
        wire.StreamError(406, "connection limit exceeded"),
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"b": [{"p": float("nan"), "s": 1.0}]}, "not_finite"),
        ({"b": [{"p": -1.0, "s": 1.0}]}, "negative"),
        ({"a": [{"p": 1e300, "s": 1.0}]}, "out_of_range"),
        ({"a": [{"p": True, "s": 1.0}]}, "not_a_number"),
        ({"a": [{"p": 1.0}]}, "malformed"),
        ({"a": [1.0]}, "malformed"),
        ({"a": {"p": 1.0}}, "malformed"),
        ({"t": None}, "bad_instant"),
        ({"t": 5}, "bad_instant"),
    ],
)
def test_a_book_that_cannot_be_read_is_torn_and_named(changed: dict[str, Any], reason: str) -> None:
    assert wire.parse_frame(packed(book_row(**changed))) == [wire.Torn("BTC/USD", reason)]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("a text frame", "not_msgpack"),
        (b"", "not_msgpack"),
        (b"\xc1", "not_msgpack"),
        (b"<html></html>", "not_msgpack"),
        (b"\x81\x01\x02", "not_msgpack"),
        (packed(book_row())[:-5], "not_msgpack"),
        (msgpack.packb(7), "malformed"),
        (msgpack.packb([7]), "malformed"),
        (b"\x91\x82\xa1T\xa1o\xa1T\xa1o", "duplicate_key"),
    ],
)
def test_bad_frames_are_refused_by_name(frame: str | bytes, reason: str) -> None:
    assert reason_of(frame) == reason


def test_latest_books_are_cut_to_depth_and_missing_ones_say_why() -> None:
    rows = [{"p": 99.5, "s": 0.1}, {"p": 99.4, "s": 0.1}]
    body = json.dumps({"orderbooks": {"BTC/USD": {"t": "2023-10-06T17:35:55Z", "b": rows, "a": rows}}}).encode()
    other = Pair.parse("ETH/USD")
    found = wire.parse_latest_books(body, [PAIR, other], depth=1, seen_at_ns=AT_NS, seq=3)
    book = found[PAIR]
    assert isinstance(book, Book) and len(book.bids) == 1 and book.bids[0].price == Decimal("99.5")
    assert found[other] == "malformed"


def asset(**changed: object) -> dict[str, Any]:
    row = {
        "symbol": "BTC/USD",
        "tradable": True,
        "min_order_size": "0.00005",
        "min_trade_increment": "0.000000001",
        "price_increment": "0.1",
    }
    return row | changed


def test_a_listing_keeps_its_steps_whether_text_or_number() -> None:
    found = wire.parse_listing(asset(price_increment=0.1))
    assert (found.pair, found.venue_symbol, found.is_tradable) == (PAIR, "BTC/USD", True)
    assert (found.lot.step, found.lot.tick) == (Decimal("0.000000001"), Decimal("0.1"))


@pytest.mark.parametrize("changed", [{"min_order_size": None}, {"price_increment": "NaN"}, {"min_trade_increment": -1}])
def test_a_listing_that_cannot_be_read_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadMarketData):
        wire.parse_listing(asset(**changed))


def test_balances_are_the_cash_and_the_crypto_positions() -> None:
    account = {"currency": "USD", "cash": "-12.50"}
    positions = [
        {"symbol": "BTCUSD", "asset_class": "crypto", "qty": "0.5", "qty_available": "0.4"},
        {"symbol": "ETH/USD", "asset_class": "crypto", "qty": "2"},
        {"symbol": "AAPL", "asset_class": "us_equity", "qty": "10"},
    ]
    assert wire.parse_balances(account, positions) == {
        "USD": (Decimal("-12.50"), Decimal(0)),
        "BTC": (Decimal("0.5"), Decimal("0.1")),
        "ETH": (Decimal(2), Decimal(0)),
    }


@pytest.mark.parametrize("positions", [{}, ["x"], [7], [{"asset_class": "crypto"}]])
def test_positions_that_cannot_be_read_are_refused(positions: object) -> None:
    with pytest.raises(BadMarketData):
        wire.parse_balances({"currency": "USD", "cash": "1"}, positions)
