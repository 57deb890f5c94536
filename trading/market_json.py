"""Markets as stored: JSON that reads back to the same book or pool, digit for digit."""

from decimal import Decimal
from typing import Any

from domain.market import Book, Level, Market, Pair, PoolState

Json = dict[str, Any]

_BEYOND_STORING = 2**63
_POOL_NAMES = ("address", "block_hash")
_POOL_NUMBERS = (
    "chain_id",
    "base_decimals",
    "quote_decimals",
    "fee_pips",
    "block",
    "block_at_ns",
    "venue_at_ns",
    "seen_at_ns",
    "seq",
)
_POOL_AMOUNTS = ("base_reserve", "quote_reserve", "gas_price_wei")  # more digits than every reader of JSON keeps


def is_pool(data: Json) -> bool:
    """Whether what was stored is a pool, not a book."""
    return "address" in data


def market_to_json(market: Market, *, depth: int = 25) -> Json:
    """Return a book's first ``depth`` levels of either side, or a whole pool; amounts as strings."""
    return _pool_to_json(market) if isinstance(market, PoolState) else _book_to_json(market, depth=depth)


def market_from_json(data: Json) -> Market:
    """Return the market that ``market_to_json`` wrote."""
    return pool_from_json(data) if is_pool(data) else _book_from_json(data)


def pool_from_json(data: Json) -> PoolState:
    """Return the pool that ``market_to_json`` wrote."""
    told: Json = {name: _text(data[name]) for name in ("venue", *_POOL_NAMES)}
    told |= {name: _whole(data[name]) for name in _POOL_NUMBERS}
    told |= {name: _units(data[name]) for name in _POOL_AMOUNTS}
    return PoolState(pair=Pair.parse(_text(data["pair"])), **told)


def _book_to_json(book: Book, *, depth: int) -> Json:
    return {
        "venue": book.venue,
        "pair": book.pair.symbol,
        "bids": [[str(level.price), str(level.quantity)] for level in book.bids[:depth]],
        "asks": [[str(level.price), str(level.quantity)] for level in book.asks[:depth]],
        "venue_at_ns": book.venue_at_ns,
        "seen_at_ns": book.seen_at_ns,
        "seq": book.seq,
    }


def _book_from_json(data: Json) -> Book:
    return Book(
        venue=_text(data["venue"]),
        pair=Pair.parse(_text(data["pair"])),
        bids=_levels(data["bids"]),
        asks=_levels(data["asks"]),
        venue_at_ns=_whole(data["venue_at_ns"]),
        seen_at_ns=_whole(data["seen_at_ns"]),
        seq=_whole(data["seq"]),
    )


def _pool_to_json(pool: PoolState) -> Json:
    told = {name: getattr(pool, name) for name in (*_POOL_NAMES, *_POOL_NUMBERS)}
    amounts = {name: str(getattr(pool, name)) for name in _POOL_AMOUNTS}
    return {"venue": pool.venue, "pair": pool.pair.symbol, **told, **amounts}


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) >= _BEYOND_STORING:
        raise TypeError(f"{str(value)[:40]} is not a whole number of 64 bits")
    return value


def _text(value: Any) -> str:
    if not (isinstance(value, str) and value.isprintable()):  # no column takes NUL or half of a character
        raise TypeError(f"{value!r:.40} is not a text")
    return value


def _units(value: Any) -> int:
    if not (_text(value).isascii() and value.isdigit()):
        raise TypeError(f"{value[:40]!r} is not a count of units")
    return int(value)


def _levels(rows: Any) -> tuple[Level, ...]:
    return tuple(_level(*row) for row in map(_list, _list(rows)))


def _level(price: Any, quantity: Any) -> Level:
    return Level(Decimal(_text(price)), Decimal(_text(quantity)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]} is not a list")
    return value
