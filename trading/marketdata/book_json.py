"""Books as stored: JSON that reads back to the same book, digit for digit."""

from decimal import Decimal
from typing import Any

from domain.market import Book, Level, Pair

Json = dict[str, Any]


def book_to_json(book: Book, *, depth: int = 25) -> Json:
    """Return the first ``depth`` levels of either side, numbers as strings."""
    return {
        "venue": book.venue,
        "pair": book.pair.symbol,
        "bids": [[str(level.price), str(level.quantity)] for level in book.bids[:depth]],
        "asks": [[str(level.price), str(level.quantity)] for level in book.asks[:depth]],
        "venue_at_ns": book.venue_at_ns,
        "seen_at_ns": book.seen_at_ns,
        "seq": book.seq,
    }


def book_from_json(data: Json) -> Book:
    """Return the book that ``book_to_json`` wrote."""
    return Book(
        venue=data["venue"],
        pair=Pair.parse(data["pair"]),
        bids=_levels(data["bids"]),
        asks=_levels(data["asks"]),
        venue_at_ns=data["venue_at_ns"],
        seen_at_ns=data["seen_at_ns"],
        seq=data["seq"],
    )


def _levels(rows: list[list[str]]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows)
