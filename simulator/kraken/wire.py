"""WebSocket v2 frames: numbers with their exact decimals, the CRC32 of the ten best levels, RFC 3339 times."""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from domain.market import Book, Level
from simulator.publication import is_as_before
from simulator.tape import Candle

CHECKSUM_LEVELS = 10
HEARTBEAT = '{"channel":"heartbeat"}'


def timestamp(at_ns: int) -> str:
    """Return ``at_ns`` as Kraken writes it: ``2023-10-06T17:35:55.440295Z``."""
    at = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9 // 1000:06d}Z"


def exact_timestamp(at_ns: int) -> str:
    """Return ``at_ns`` to the nanosecond, in as few digits as Kraken writes where those are enough."""
    return timestamp(at_ns) if at_ns % 1000 == 0 else f"{timestamp(at_ns)[:-1]}{at_ns % 1000:03d}Z"


def checksum(book: Book) -> int:
    """Return the CRC32 over the ten best asks, then the ten best bids, points and leading zeros dropped.

    Source: Kraken WebSocket v2 guide, book checksum.
    """
    best = (*book.asks[:CHECKSUM_LEVELS], *book.bids[:CHECKSUM_LEVELS])
    return zlib.crc32("".join(_digits(price) + _digits(quantity) for price, quantity in best).encode())


def book_frame(
    kind: str, book: Book, *, bids: Sequence[Level], asks: Sequence[Level], lot: Decimal | None, crc: int
) -> str:
    """Return a ``book`` message: ``kind`` is snapshot or update.

    Quantities are on the grid of ``lot``; None writes quantities and the instant to the last digit they have.
    """
    at = exact_timestamp(book.venue_at_ns) if lot is None else timestamp(book.venue_at_ns)
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{book.pair}",'
        f'"bids":[{_levels(bids, lot)}],"asks":[{_levels(asks, lot)}],'
        f'"checksum":{crc},"timestamp":"{at}"}}]}}'
    )


def window_changes(before: tuple[Level, ...], after: tuple[Level, ...], depth: int) -> list[Level]:
    """Return what a client that cuts its side to ``depth`` levels must apply to follow.

    A level that better ones push out of a full window is not sent: the client drops it by itself.
    """
    before, after = before[:depth], after[:depth]
    old, new = dict(before), dict(after)
    pushed_out = _pushed_out(old, after) if len(after) == depth else set()
    removed = [Level(price, Decimal(0)) for price in old if price not in new and price not in pushed_out]
    return removed + [level for level in after if not is_as_before(old.get(level.price), level.quantity)]


def ticker_frame(kind: str, book: Book, candles: Sequence[Candle]) -> str:
    """Return a ``ticker`` message over the day that ``candles`` cover."""
    first, last = candles[0].open, candles[-1].close
    volume = sum((candle.volume for candle in candles), Decimal(0))
    numbers = {
        "bid": book.bids[0].price,
        "bid_qty": book.bids[0].quantity,
        "ask": book.asks[0].price,
        "ask_qty": book.asks[0].quantity,
        "last": last,
        "volume": volume,
        "vwap": last,
        "low": min(candle.low for candle in candles),
        "high": max(candle.high for candle in candles),
        "change": last - first,
        "change_pct": ((last - first) / first * 100).quantize(Decimal("0.01")),
    }
    fields = ",".join(f'"{name}":{number:f}' for name, number in numbers.items())
    return f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{book.pair}",{fields}}}]}}'


def status_frame(connection_id: int) -> str:
    """Return the greeting."""
    data = {"api_version": "v2", "connection_id": connection_id, "system": "online", "version": "2.0.10"}
    return json.dumps({"channel": "status", "type": "update", "data": [data]})


def answer_frame(method: str, *, req_id: object, at_ns: int, **fields: object) -> str:
    """Return the answer to a request; ``req_id`` is repeated where one was given."""
    times = {"time_in": timestamp(at_ns), "time_out": timestamp(at_ns)}
    identity = {"req_id": req_id} if req_id is not None else {}
    return json.dumps({"method": method, **fields, **identity, **times})


def _pushed_out(old: Mapping[Decimal, Decimal], after: tuple[Level, ...]) -> set[Decimal]:
    best, worst = after[0].price, after[-1].price
    return {price for price in old if (price < worst if best > worst else price > worst)}


def _levels(levels: Sequence[Level], lot: Decimal | None) -> str:
    return ",".join(f'{{"price":{price:f},"qty":{_on_lot(quantity, lot):f}}}' for price, quantity in levels)


def _on_lot(quantity: Decimal, lot: Decimal | None) -> Decimal:
    return quantity if lot is None else quantity.quantize(lot)


def _digits(number: Decimal) -> str:
    return f"{number:f}".replace(".", "").lstrip("0")
