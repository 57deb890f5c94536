"""A market as it is read: of a book the best levels, and how much of it an order would take; of a pool its block."""

from decimal import Decimal
from typing import Any

from domain.gas import GWEI_DECIMALS
from domain.market import Book, Level, PoolState, Side
from domain.money import from_raw
from domain.timestamps import from_ns
from ops.admin import figures
from ops.admin.panels import Table
from trading.market_json import market_from_json

_LEVELS = 10


def table_of(stored: dict[str, Any], *, taken: Side | None, size: Decimal, at: Any) -> Table:
    """Return a stored market; the levels of a book that an order of ``size`` takes are coloured."""
    market = market_from_json(stored)
    if isinstance(market, PoolState):
        return _pool_table(market, taken=taken, at=at)
    return _book_table(market, taken=taken, size=size, at=at)


def _pool_table(pool: PoolState, *, taken: Side | None, at: Any) -> Table:
    base, quote = pool.pair.base, pool.pair.quote
    rows = [
        ("buys from", f"{figures.short(pool.best_ask)} {quote}, with its fee"),
        ("sells to", f"{figures.short(pool.best_bid)} {quote}, after its fee"),
        (f"{base} held", figures.exact(from_raw(pool.base_reserve, pool.base_decimals))),
        (f"{quote} held", figures.exact(from_raw(pool.quote_reserve, pool.quote_decimals))),
        ("fee", f"{figures.bps(Decimal(pool.fee_pips) / 100)} bps"),
        ("block", f"{pool.block:,}"),
        ("block's time (UTC)", figures.instant(from_ns(pool.block_at_ns))),
        ("gas price", f"{figures.short(from_raw(pool.gas_price_wei, GWEI_DECIMALS))} gwei"),
        ("contract", f"{pool.address} on chain {pool.chain_id}"),
    ]
    title = f"{pool.venue} {pool.pair}, a pool" + (f": we {taken}" if taken else "")
    note = f"Seen {figures.after(at, from_ns(pool.seen_at_ns))} before, as block {pool.block_hash[:10]}… left it."
    return Table(title, ("Pool", "Value"), rows, note=note, is_wide=False)


def _book_table(book: Book, *, taken: Side | None, size: Decimal, at: Any) -> Table:
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
