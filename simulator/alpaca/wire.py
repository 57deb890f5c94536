"""Alpaca's shapes: order books, quotes, trades and bars as floats, times as RFC 3339 or msgpack time stamps."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import msgpack  # type: ignore[import-untyped]

from domain.market import Book, Level, Side
from simulator.tape import MINUTE_NS, Candle, Trade

Message = dict[str, object]


class Format(StrEnum):
    """How a stream client wants its frames."""

    JSON = "json"
    MSGPACK = "msgpack"


@dataclass(frozen=True, slots=True)
class Instant:
    """A time stamp that each format writes in its own way."""

    at_ns: int

    def rfc3339(self) -> str:
        """Return ``2026-01-02T03:04:05.123456789Z``."""
        at = datetime.fromtimestamp(self.at_ns // 10**9, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{self.at_ns % 10**9:09d}Z"


def encode(messages: Iterable[Message], form: Format) -> str | bytes:
    """Return one frame: a list of messages."""
    if form is Format.JSON:
        return json.dumps(list(messages), default=_as_text)
    packed = msgpack.packb(list(messages), default=_as_stamp)
    assert isinstance(packed, bytes)
    return packed


def decode(frame: str | bytes) -> Message:
    """Return the request in a frame. Raises: ValueError."""
    request = json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)
    if not isinstance(request, dict):
        raise ValueError("a request is an object")
    return request


def book_body(book: Book, *, poison: Decimal | None = None) -> Message:
    """Return a whole book; ``poison`` is an impossible price put before the asks."""
    asks = book.asks if poison is None else (Level(poison, Decimal(1)), *book.asks)
    return {"t": Instant(book.venue_at_ns), "b": levels(book.bids), "a": levels(asks)}


def quote_body(book: Book) -> Message:
    """Return the best bid and ask."""
    (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
    at = Instant(book.venue_at_ns)
    return {"t": at, "bp": float(bid), "bs": float(bid_size), "ap": float(ask), "as": float(ask_size)}


def trade_body(trade: Trade) -> Message:
    """Return one trade; ``tks`` is the taker's side."""
    taker = "B" if trade.side is Side.BUY else "S"
    price, size = float(trade.price), float(trade.quantity)
    return {"t": Instant(trade.at_ns), "p": price, "s": size, "tks": taker, "i": trade.trade_id}


def bar_body(minutes: Sequence[Candle]) -> Message:
    """Return the bar that consecutive ``minutes`` make."""
    volume = sum((minute.volume for minute in minutes), Decimal(0))
    worth = sum((minute.volume * minute.close for minute in minutes), Decimal(0))
    return {
        "t": Instant(minutes[0].opened_at_ns),
        "o": float(minutes[0].open),
        "h": float(max(minute.high for minute in minutes)),
        "l": float(min(minute.low for minute in minutes)),
        "c": float(minutes[-1].close),
        "v": float(volume),
        "n": sum(minute.trades for minute in minutes),
        "vw": float(worth / volume) if volume else float(minutes[-1].close),
    }


def bars(candles: Iterable[Candle], *, minutes: int) -> list[Message]:
    """Return ``candles`` as bars of so many minutes, oldest first."""
    grouped: dict[int, list[Candle]] = {}
    for candle in candles:
        grouped.setdefault(candle.opened_at_ns // (minutes * MINUTE_NS), []).append(candle)
    return [bar_body(group) for group in grouped.values()]


def levels(side: Iterable[Level]) -> list[Message]:
    """Return price levels as Alpaca writes them."""
    return [{"p": _number(price), "s": _number(quantity)} for price, quantity in side]


def _number(value: Decimal) -> float | int:
    """Return a number that reads back digit for digit: one without decimals stays without."""
    return int(value) if value.as_tuple().exponent == 0 else float(value)


def _as_text(value: object) -> str:
    assert isinstance(value, Instant)
    return value.rfc3339()


def _as_stamp(value: object) -> msgpack.Timestamp:
    assert isinstance(value, Instant)
    return msgpack.Timestamp(value.at_ns // 10**9, value.at_ns % 10**9)
