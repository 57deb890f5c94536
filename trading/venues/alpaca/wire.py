"""What Alpaca writes, as typed values: msgpack book stream, REST books, assets, account and positions.

The stream carries binary floats: each is converted once, to the shortest decimal that reads back as it.

Source: docs.alpaca.markets, "Real-time Crypto Data", "WebSocket Stream", "Latest Orderbooks", "Assets".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import msgpack  # type: ignore[import-untyped]

from domain.errors import BadMarketData
from domain.market import Book, Level, Pair
from domain.money import EXACT
from domain.terms import Lot
from trading.venues.base import Listing
from trading.venues.exact import decode_json, exact_float, instant_ns, member, plain_digits, signed
from trading.venues.ladder import Change

VENUE = "alpaca"


class BookMessage(NamedTuple):
    """A whole book, or the levels that changed since the message before."""

    is_whole: bool
    symbol: str
    bids: list[Change]
    asks: list[Change]
    venue_at_ns: int


class Said(NamedTuple):
    """A step of the handshake: ``connected``, ``authenticated`` or ``subscribed``."""

    what: str


class Subscribed(NamedTuple):
    """The books that the venue now sends."""

    symbols: tuple[str, ...]


class StreamError(NamedTuple):
    """An error of the stream, by Alpaca's code."""

    code: int
    text: str


class Torn(NamedTuple):
    """A book message that could not be read, so that the book of ``symbol`` ("" if unknown) lacks it."""

    symbol: str
    reason: str


Message: TypeAlias = BookMessage | Said | Subscribed | StreamError | Torn


def parse_frame(frame: str | bytes) -> list[Message]:
    """Return what one frame tells us. Raises: BadMarketData if it is not a list of msgpack messages."""
    rows = _unpack(frame)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadMarketData("malformed", "a frame is not a list of messages")
    return [message for row in rows if (message := _message(row)) is not None]


def _unpack(frame: str | bytes) -> Any:
    if isinstance(frame, str):
        raise BadMarketData("not_msgpack", "a text frame")
    try:
        return msgpack.unpackb(frame, timestamp=0, object_pairs_hook=_without_duplicates)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadMarketData("not_msgpack", str(error)[:80]) from None


def _without_duplicates(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadMarketData("duplicate_key")
    return members


def _message(row: dict[str, Any]) -> Message | None:
    kind = row.get("T")
    if kind == "o":
        return _book(row)
    if kind == "success":
        return Said(str(row.get("msg", "")))
    if kind == "subscription":
        books = row.get("orderbooks")
        return Subscribed(tuple(map(str, books)) if isinstance(books, list) else ())
    if kind == "error":
        code = row.get("code")
        return StreamError(code if isinstance(code, int) else 0, str(row.get("msg", "")))
    return None


def _book(row: dict[str, Any]) -> BookMessage | Torn:
    symbol = row.get("S")
    try:
        at_ns = _instant_of(row.get("t"))
        bids, asks = _changes(row.get("b")), _changes(row.get("a"))
        return BookMessage(row.get("r") is True, str(symbol), bids, asks, at_ns)
    except BadMarketData as bad:
        return Torn(symbol if isinstance(symbol, str) else "", bad.reason)


def _instant_of(value: object) -> int:
    return value.to_unix_nano() if isinstance(value, msgpack.Timestamp) else instant_ns(value)


def _changes(rows: Any) -> list[Change]:
    if rows is None:
        return []  # a side without changes is left out
    if not isinstance(rows, list):
        raise BadMarketData("malformed", "levels are not a list")
    try:
        return [Change(exact_float(row["p"]), exact_float(row["s"])) for row in rows]
    except (TypeError, KeyError):
        raise BadMarketData("malformed", "a level lacks its p or s") from None


def pack(message: dict[str, Any]) -> bytes:
    """Return a request as the stream takes it."""
    packed = msgpack.packb(message)
    assert isinstance(packed, bytes)
    return packed


def authenticate(key: str, secret: str) -> bytes:
    """Return the request that proves who we are."""
    return pack({"action": "auth", "key": key, "secret": secret})


def subscribe(symbols: Sequence[str]) -> bytes:
    """Return the request for books of ``symbols``, whole book first."""
    return pack({"action": "subscribe", "orderbooks": list(symbols)})


def unsubscribe(symbols: Sequence[str]) -> bytes:
    """Return the request that ends the books of ``symbols``."""
    return pack({"action": "unsubscribe", "orderbooks": list(symbols)})


def parse_latest_books(
    body: bytes, pairs: Sequence[Pair], *, depth: int, seen_at_ns: int, seq: int, venue: str = VENUE
) -> dict[Pair, Book | str]:
    """Return the first ``depth`` levels of each pair's book, or the reason it has none that can be read.

    Raises: BadMarketData if the body cannot be read at all.
    """
    rows = member(decode_json(body), "orderbooks")
    if not isinstance(rows, dict):
        raise BadMarketData("malformed", "orderbooks is not an object")
    return {pair: _latest(rows.get(pair.symbol), venue, pair, depth, seen_at_ns, seq) for pair in pairs}


def _latest(row: Any, venue: str, pair: Pair, depth: int, seen_at_ns: int, seq: int) -> Book | str:
    try:
        bids, asks = _levels(member(row, "b"))[:depth], _levels(member(row, "a"))[:depth]
        return Book(venue, pair, bids, asks, instant_ns(member(row, "t")), seen_at_ns, seq)
    except BadMarketData as bad:
        return bad.reason


def _levels(rows: Any) -> tuple[Level, ...]:
    if not isinstance(rows, list):
        raise BadMarketData("malformed", "levels are not a list")
    return tuple(Level(_digits(member(row, "p")), _digits(member(row, "s"))) for row in rows)


def _digits(value: object) -> Decimal:
    return Decimal(plain_digits(value))


def parse_listing(row: dict[str, Any]) -> Listing:
    """Return one crypto asset of /v2/assets; Alpaca names its steps but no least worth. Raises: BadMarketData."""
    lot = Lot(
        step=_amount(member(row, "min_trade_increment")),
        min_quantity=_amount(member(row, "min_order_size")),
        min_quote=Decimal(0),
        tick=_amount(member(row, "price_increment")),
    )
    symbol = str(member(row, "symbol"))
    return Listing(Pair.parse(symbol), lot, symbol, is_tradable=row.get("tradable") is True)


def parse_balances(account: Any, positions: Any) -> dict[str, tuple[Decimal, Decimal]]:
    """Return (total, held in orders) by asset: the account's cash and its crypto positions. Raises: BadMarketData."""
    if not isinstance(positions, list):
        raise BadMarketData("malformed", "positions are not a list")
    balances = {str(member(account, "currency")): (signed(member(account, "cash")), Decimal(0))}
    for row in positions:
        if not isinstance(row, dict):
            raise BadMarketData("malformed", "a position is not an object")
        if row.get("asset_class") == "crypto":
            total = signed(member(row, "qty"))
            free = signed(row["qty_available"]) if "qty_available" in row else total
            balances[_base_of(str(member(row, "symbol")))] = (total, EXACT.subtract(total, free))
    return balances


def _base_of(symbol: str) -> str:
    """Return BTC for BTC/USD and for BTCUSD, as positions spell it."""
    base, slash, _ = symbol.partition("/")
    return base if slash else symbol.removesuffix("USD")


def _amount(value: object) -> Decimal:
    return exact_float(value) if isinstance(value, int | float) else Decimal(plain_digits(value))
