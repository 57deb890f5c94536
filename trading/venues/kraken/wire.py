"""What Kraken writes, as typed values with exact digits: WebSocket v2 books, REST pairs and balances.

Source: docs.kraken.com, WebSocket v2 ``book``, ``status`` and ``heartbeat``, guide "Book checksum (WebSocket v2)",
REST ``AssetPairs``, ``BalanceEx`` and ``TradeVolume``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias
from zlib import crc32

import msgspec

from domain.errors import BadMarketData, Refused, Unreachable
from domain.market import Asset, Pair
from domain.terms import Lot
from trading.venues.base import Listing
from trading.venues.exact import decode_json, instant_ns, member, plain_digits, signed
from trading.venues.identity import KRAKEN_CODES, KRAKEN_REST_CODES
from trading.venues.ladder import Change

VENUE = "kraken"
CHECKSUM_LEVELS = 10


class BookMessage(NamedTuple):
    """A whole book, or the levels that changed since the message before."""

    is_whole: bool
    symbol: str
    bids: list[Change]
    asks: list[Change]
    checksum: int
    venue_at_ns: int | None


class StatusMessage(NamedTuple):
    """What the exchange says of itself: online, maintenance, cancel_only, post_only or limit_only."""

    system: str


class SubscriptionRefused(NamedTuple):
    """A subscription that Kraken turned down, and why."""

    symbol: str
    error: str


Message: TypeAlias = BookMessage | StatusMessage | SubscriptionRefused


def parse_message(frame: str | bytes) -> tuple[Message, ...]:
    """Return what one WebSocket frame tells us; heartbeats, pongs and acknowledgements tell nothing.

    Raises: BadMarketData.
    """
    return _usual_books(frame) or _whatever_it_is(frame)


class _UsualLevel(msgspec.Struct, gc=False):
    price: Decimal
    qty: Decimal


class _UsualBook(msgspec.Struct, gc=False):
    symbol: str
    bids: list[_UsualLevel]
    asks: list[_UsualLevel]
    checksum: Decimal  # an int would be taken from 1.0 as well
    timestamp: str


class _UsualFrame(msgspec.Struct, gc=False):
    channel: Literal["book"]
    type: Literal["snapshot", "update"]
    data: list[_UsualBook]


_decode_usual = msgspec.json.Decoder(_UsualFrame).decode
_QUOTES_OF_FRAME, _QUOTES_OF_BOOK, _QUOTES_OF_LEVEL = 10, 14, 4
_USUAL_DIGITS = 19  # with the point: neither side of it can then have more than 18
_FARTHEST_DIGIT = 18  # from the point; written out, 1e999999999 would fill the memory


def _usual_books(frame: str | bytes) -> tuple[BookMessage, ...]:
    """Return the books of a frame as Kraken usually writes it; none if anything about it is unusual.

    The decoder keeps the last of two members of one name, skips names it does not know and takes numbers in quotes. All
    of this shows in the number of quotation marks: a frame that has the right number is read as the slow way reads it,
    but that -0 passes for 0.
    """
    try:
        told = _decode_usual(frame)
        is_whole = told.type == "snapshot"
        books = tuple(
            BookMessage(
                is_whole,
                book.symbol,
                [_usual_change(level.price, level.qty) for level in book.bids],
                [_usual_change(level.price, level.qty) for level in book.asks],
                _checksum_of(str(book.checksum)),
                instant_ns(book.timestamp),
            )
            for book in told.data
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _Unusual, BadMarketData):
        return ()
    quotes = frame.count('"') if isinstance(frame, str) else frame.count(b'"')
    levels = sum(len(book.bids) + len(book.asks) for book in books)
    expected = _QUOTES_OF_FRAME + _QUOTES_OF_BOOK * len(books) + _QUOTES_OF_LEVEL * levels
    return books if quotes == expected else ()


class _Unusual(Exception):
    """A number that is not a few plain digits."""


def _usual_change(price: Decimal, quantity: Decimal) -> Change:
    digits = _usual_digits(price)
    return Change(price, quantity, digits + _usual_digits(quantity) if quantity else digits)


def _usual_digits(number: Decimal) -> str:
    text = str(number)
    digits = text.replace(".", "")
    if not digits.isdigit():  # small numbers are shown with an exponent
        if abs(number.adjusted()) > _FARTHEST_DIGIT:
            raise _Unusual
        text = format(number, "f")
        digits = text.replace(".", "")
    if len(text) > _USUAL_DIGITS or not digits.isdigit():
        raise _Unusual
    return digits.lstrip("0")


def _whatever_it_is(frame: str | bytes) -> tuple[Message, ...]:
    message = decode_json(frame)
    if not isinstance(message, dict):
        raise BadMarketData("malformed", "a message is not an object")
    channel = message.get("channel")
    if channel == "book":
        return tuple(_book(message.get("type"), row) for row in _rows(message))
    if channel == "status":
        return tuple(StatusMessage(str(member(row, "system"))) for row in _rows(message))
    if message.get("success") is False:
        return (SubscriptionRefused(str(message.get("symbol", "")), str(message.get("error", ""))),)
    return ()


def _rows(message: Mapping[str, Any]) -> list[Any]:
    rows = message.get("data")
    if not isinstance(rows, list):
        raise BadMarketData("malformed", "a message without data")
    return rows


def _book(kind: object, row: Any) -> BookMessage:
    if kind not in ("snapshot", "update"):
        raise BadMarketData("malformed", f"book of type {kind!r}")
    at = row.get("timestamp") if isinstance(row, dict) else None
    return BookMessage(
        kind == "snapshot",
        str(member(row, "symbol")),
        _changes(member(row, "bids")),
        _changes(member(row, "asks")),
        _checksum_of(member(row, "checksum")),
        None if at is None else instant_ns(at),
    )


def _changes(rows: Any) -> list[Change]:
    if not isinstance(rows, list):
        raise BadMarketData("malformed", "levels are not a list")
    return [_change(row) for row in rows]


def _change(row: Any) -> Change:
    try:
        price, quantity = row["price"], row["qty"]
    except (TypeError, KeyError):
        raise BadMarketData("malformed", "a level lacks its price or qty") from None
    price_digits, quantity_digits = plain_digits(price), plain_digits(quantity)
    return Change(Decimal(price_digits), Decimal(quantity_digits), _checksum_text(price_digits, quantity_digits))


def _checksum_of(text: object) -> int:
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise BadMarketData("malformed", f"checksum {text!r}"[:60])
    return int(text)


def _checksum_text(price: str, quantity: str) -> str:
    return price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")


def checksum_of_texts(asks: str, bids: str) -> int:
    """Return the checksum of a book whose best levels' texts are joined, best first."""
    return crc32((asks + bids).encode("ascii"))


def book_checksum(asks: Iterable[tuple[str, str]], bids: Iterable[tuple[str, str]]) -> int:
    """Return Kraken's checksum of a book given as (price, size) strings exactly as sent, best first.

    Source: docs.kraken.com, guide "Book checksum (WebSocket v2)".
    """
    top = (*islice(asks, CHECKSUM_LEVELS), *islice(bids, CHECKSUM_LEVELS))
    return crc32("".join(_checksum_text(price, size) for price, size in top).encode("ascii"))


def subscribe(symbols: Sequence[str], *, depth: int) -> str:
    """Return the request for books of ``symbols``, whole book first."""
    params = {"channel": "book", "symbol": list(symbols), "depth": depth, "snapshot": True}
    return json.dumps({"method": "subscribe", "params": params})


def unsubscribe(symbols: Sequence[str], *, depth: int) -> str:
    """Return the request that ends the books of ``symbols``."""
    return json.dumps({"method": "unsubscribe", "params": {"channel": "book", "symbol": list(symbols), "depth": depth}})


def ping() -> str:
    """Return the request that any living connection answers."""
    return json.dumps({"method": "ping"})


def asset_code(code: str) -> str:
    """Return the symbol we use for Kraken's asset code: BTC for XXBT, USD for ZUSD."""
    return KRAKEN_CODES.get(code, code)


def rest_symbol(pair: Pair) -> str:
    """Return the pair as REST takes it: XBTUSD for BTC/USD."""
    return "".join(KRAKEN_REST_CODES.get(asset.symbol, asset.symbol) for asset in (pair.base, pair.quote))


def parse_listing(row: Mapping[str, Any]) -> Listing:
    """Return one entry of AssetPairs. Raises: BadMarketData."""
    base, slash, quote = str(member(row, "wsname")).partition("/")
    if not slash:
        raise BadMarketData("malformed", "wsname is not a pair")
    lot = Lot(
        step=Decimal(1).scaleb(-_small(row, "lot_decimals")),
        min_quantity=_amount(row, "ordermin"),
        min_quote=_amount(row, "costmin"),
        tick=_amount(row, "tick_size") if "tick_size" in row else Decimal(1).scaleb(-_small(row, "pair_decimals")),
    )
    pair = Pair(Asset(asset_code(base)), Asset(asset_code(quote)))
    return Listing(pair, lot, str(member(row, "altname")), is_tradable=row.get("status", "online") == "online")


def _small(row: Mapping[str, Any], name: str) -> int:
    digits = plain_digits(str(member(row, name)))
    if not digits.isdigit() or int(digits) > 18:
        raise BadMarketData("malformed", f"{name} is {digits}")
    return int(digits)


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(plain_digits(str(member(row, name))))


def rest_result(body: bytes) -> Any:
    """Return the result in a REST body. Raises: BadMarketData; Refused, Unreachable for errors in its stead."""
    answer = decode_json(body)
    errors = member(answer, "error")
    if not isinstance(errors, list):
        raise BadMarketData("malformed", "error is not a list")
    raise_for_errors([str(error) for error in errors])
    return answer.get("result")


def raise_for_errors(errors: Sequence[str]) -> None:
    """Raise what Kraken's REST errors mean for the caller: Unreachable for limits and outages, else Refused."""
    if not errors:
        return
    said = ", ".join(errors)
    if any(error.startswith(("EService:", "EAPI:Rate limit", "EGeneral:Temporary")) for error in errors):
        raise Unreachable(f"Kraken says {said}")
    raise Refused(f"Kraken says {said}")


class Holding(NamedTuple):
    """What is held of one asset, and the part of it tied up in orders."""

    total: Decimal
    held: Decimal


def parse_balances(result: Any) -> dict[str, Holding]:
    """Return the holdings in a BalanceEx result, by our symbols. Raises: BadMarketData."""
    if not isinstance(result, dict):
        raise BadMarketData("malformed", "balances are not an object")
    return {asset_code(code): _holding(row) for code, row in result.items()}


def _holding(row: Any) -> Holding:
    held = row.get("hold_trade", "0") if isinstance(row, dict) else "0"
    return Holding(signed(member(row, "balance")), Decimal(plain_digits(str(held))))


class FeePair(NamedTuple):
    """The highest maker and taker fees of a list, in bps; None where the list is empty."""

    maker_bps: Decimal | None
    taker_bps: Decimal | None


def parse_fees(result: Any) -> FeePair:
    """Return the fees in a TradeVolume result. Raises: BadMarketData."""
    if not isinstance(result, dict):
        raise BadMarketData("malformed", "fees are not an object")
    return FeePair(_highest_bps(result.get("fees_maker")), _highest_bps(result.get("fees")))


def _highest_bps(rows: Any) -> Decimal | None:
    if not rows:
        return None
    if not isinstance(rows, dict):
        raise BadMarketData("malformed", "a fee list is not an object")
    return max(_amount(row, "fee").scaleb(2) for row in rows.values())  # Kraken writes percent
