"""An order book as it is read: best levels first, and how much of it an order would take."""

from decimal import Decimal
from typing import Any

from domain.market import Book, Level, Side
from domain.timestamps import from_ns
from ops.admin import figures
from trading.admin.panels import Table
from trading.marketdata.book_json import book_from_json

_LEVELS = 10


def table_of(stored: dict[str, Any], *, taken: Side | None, size: Decimal, at: Any) -> Table:
    """Return the best levels of a stored book; those that an order of ``size`` takes are coloured."""
    book = book_from_json(stored)
    bids = _side(book.bids, size if taken is Side.SELL else Decimal(0))
    asks = _side(book.asks, size if taken is Side.BUY else Decimal(0))
    rows = [
        (*reversed(_at(bids, row)), *_at(asks, row)) for row in range(min(_LEVELS, max(len(book.bids), len(book.asks))))
    ]
    title = f"{book.venue} {book.pair}" + (f": we {taken}" if taken else "")
    return Table(title, ("Bid size", "Bid", "Ask", "Ask size"), rows, note=_note(book, at), is_wide=False)


def _note(book: Book, at: Any) -> str:
    age = figures.after(at, from_ns(book.seen_at_ns))
    return f"Seen {age} before, message {book.seq}, {len(book.bids)} bids and {len(book.asks)} asks stored."


def _side(levels: tuple[Level, ...], size: Decimal) -> list[tuple[str, str]]:
    """Return price and quantity of each level; the green ones are taken."""
    best, before, cells = levels[:_LEVELS], Decimal(0), []
    prices = figures.aligned([level.price for level in best])
    quantities = figures.aligned([level.quantity for level in best])
    for level, *texts in zip(best, prices, quantities, strict=True):
        price, quantity = (figures.coloured(text, good=True) if before < size else text for text in texts)
        cells.append((price, quantity))
        before += level.quantity
    return cells


def _at(cells: list[tuple[str, str]], row: int) -> tuple[str, str]:
    return cells[row] if row < len(cells) else (figures.NOTHING, figures.NOTHING)
