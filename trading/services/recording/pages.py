"""The page codec: a stretch of books as compressed changes, readable alone and back digit for digit.

A page is one byte of version, two of the header's length, the header, and a zlib stream. The header says per venue how
many books there are and when the last was seen. The stream is a row of msgpack arrays: one that names a market before
its first book, then one for each book: market, instants, sequence and how either side follows from the side before.
A side's change is a list of moves along the side before: n > 0 keeps the next n levels, n < 0 leaves them out, and two
strings write a level that was not there; none at all means that nothing changed.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import is_
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]

from domain.errors import ArbError
from domain.market import Asset, Book, Level, MarketKey, Pair

VERSION = 1
HEADER_AT = 3  # bytes before the header
_COMPRESSION = 3  # 6 takes two to three times as long for a page that is a twentieth smaller

Levels = Sequence[Level]
Moves = list[int | str]


class MalformedPageError(ArbError):
    """A page that cannot be believed; the message says why."""


class Seen(NamedTuple):
    """A book and the instant at which it was decided on, in ns since the epoch (UTC)."""

    at_ns: int
    book: Book


class VenueShare(NamedTuple):
    """How many books of a page are one venue's, and when the last of them was seen."""

    updates: int
    last_at_ns: int


@dataclass(frozen=True, slots=True)
class EncodedPage:
    """A page as it leaves memory; compressing it takes a while and is for whoever writes it."""

    first_at_ns: int
    last_at_ns: int
    updates: int
    venues: Mapping[str, VenueShare]
    raw: bytes

    def payload(self) -> bytes:
        """Return the page as stored."""
        header = msgpack.packb(self.venues)
        start = bytes([VERSION]) + len(header).to_bytes(HEADER_AT - 1, "big")
        return b"".join((start, header, zlib.compress(self.raw, _COMPRESSION)))


@dataclass(slots=True)
class _Market:
    number: int
    pair: Pair
    bids: Levels = ()
    asks: Levels = ()
    seq: int = 0
    updates: int = 0
    last_at_ns: int = 0


class PageEncoder:
    """Gathers books until a page is taken; ``size`` is how many bytes wait, not yet compressed."""

    def __init__(self) -> None:
        self._packer = msgpack.Packer(autoreset=False)
        self._begin()

    def _begin(self) -> None:
        self._markets: dict[tuple[str, int], _Market] = {}
        self._first_at_ns = self._last_at_ns = 0
        self.updates = 0

    @property
    def size(self) -> int:
        """Return how many bytes a page taken now would hold before it is compressed."""
        return len(self._packer.getbuffer())

    def add(self, at_ns: int, book: Book) -> None:
        """Add a book that was decided on at ``at_ns``."""
        if not self.updates:
            self._first_at_ns = self._last_at_ns = at_ns
            self._packer.pack(at_ns)
        market = self._markets.get((book.venue, id(book.pair))) or self._name_market(book.venue, book.pair)
        self._packer.pack(
            (
                market.number,
                at_ns - self._last_at_ns,
                at_ns - book.seen_at_ns,
                book.seen_at_ns - book.venue_at_ns,
                book.seq - market.seq,
                _moves(market.bids, book.bids, bid_first=True),
                _moves(market.asks, book.asks, bid_first=False),
            )
        )
        market.bids, market.asks, market.seq = book.bids, book.asks, book.seq
        market.updates += 1
        market.last_at_ns = self._last_at_ns = at_ns
        self.updates += 1

    def take(self) -> EncodedPage | None:
        """Return what was added since the last call, None if nothing was, and start anew."""
        if not self.updates:
            return None
        page = EncodedPage(self._first_at_ns, self._last_at_ns, self.updates, self._shares(), self._packer.bytes())
        self._packer.reset()
        self._begin()
        return page

    def _name_market(self, venue: str, pair: Pair) -> _Market:
        # By the pair's identity: a pair's hash costs more than all the rest, and a pair that is equal but not the same
        # only becomes a second market with the same name. The market keeps its pair, so no identity is used again.
        market = self._markets[venue, id(pair)] = _Market(len(self._markets), pair)
        self._packer.pack((venue, _fields_of(pair.base), _fields_of(pair.quote)))
        return market

    def _shares(self) -> dict[str, VenueShare]:
        shares: dict[str, VenueShare] = {}
        for (venue, _), market in self._markets.items():
            before = shares.get(venue, VenueShare(0, 0))
            last_at_ns = max(before.last_at_ns, market.last_at_ns)
            shares[venue] = VenueShare(before.updates + market.updates, last_at_ns)
        return shares


def decode_page(payload: bytes) -> Iterator[Seen]:
    """Yield every book of a page, digit for digit, in the order it was added. Raises: MalformedPageError."""
    start, _ = _header(payload)
    try:
        rows = msgpack.Unpacker(use_list=False)
        rows.feed(zlib.decompress(memoryview(payload)[start:]))
        yield from _books(rows)
    except (zlib.error, ValueError, TypeError, IndexError, msgpack.UnpackException, InvalidOperation) as error:
        raise MalformedPageError(f"the page is damaged ({type(error).__name__}: {error})") from None


def shares_of(payload: bytes) -> Mapping[str, VenueShare]:
    """Return what a page, or its first bytes, says per venue, without reading its books. Raises: MalformedPageError."""
    return _header(payload)[1]


def _header(payload: bytes) -> tuple[int, dict[str, VenueShare]]:
    """Return where the books begin, and what is said before them."""
    if not payload or payload[0] != VERSION:
        raise MalformedPageError(f"the page is of version {payload[0] if payload else 'none'}, not {VERSION}")
    start = HEADER_AT + int.from_bytes(payload[1:HEADER_AT], "big")
    try:
        told = msgpack.unpackb(bytes(payload[HEADER_AT:start]))
        return start, {venue: VenueShare(*share) for venue, share in told.items()}
    except (ValueError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise MalformedPageError(f"the page's header is damaged ({type(error).__name__})") from None


def _books(rows: Iterator[Any]) -> Iterator[Seen]:
    at_ns = next(rows)
    markets: list[tuple[MarketKey, list[Any]]] = []
    for row in rows:
        if len(row) == 3:
            markets.append((MarketKey(row[0], Pair(Asset(*row[1]), Asset(*row[2]))), [(), (), 0]))
            continue
        number, after_ns, since_seen_ns, since_told_ns, seq_step, bids, asks = row
        key, before = markets[number]
        at_ns += after_ns
        before[:] = _moved(before[0], bids), _moved(before[1], asks), before[2] + seq_step
        seen_at_ns = at_ns - since_seen_ns
        yield Seen(
            at_ns, Book(key.venue, key.pair, before[0], before[1], seen_at_ns - since_told_ns, seen_at_ns, before[2])
        )


def _fields_of(asset: Asset) -> tuple[Any, ...]:
    chain = (asset.chain_id, asset.address, asset.decimals)
    return (asset.symbol,) if chain == (None, None, None) else (asset.symbol, *chain)


def _moves(before: Levels, after: Levels, *, bid_first: bool) -> Moves | None:
    """Return how ``after`` follows from ``before``; few moves where both are sorted, right ones wherever they are not.

    None where nothing changed.
    """
    if not before:
        return [str(part) for level in after for part in level]
    moves: Moves = []
    old = new = 0
    while new < len(after):
        step = _step(before, after, old, new, bid_first=bid_first) if old < len(before) else 0
        if step:
            _join(moves, step)
            old += abs(step)
            new += max(step, 0)
        else:
            moves += map(str, after[new])
            new += 1
    return None if moves == [len(before)] else moves


def _step(before: Levels, after: Levels, old: int, new: int, *, bid_first: bool) -> int:
    """Return how many levels to keep (> 0) or to leave out (< 0) next; 0 where a new one is to be written first."""
    kept, level = before[old], after[new]
    if kept is level:  # a book shares every level that did not change with the one before
        shared = list(map(is_, before[old:], after[new:]))
        return shared.index(False) if False in shared else len(shared)
    if kept.price == level.price:
        return 1 if list(map(str, kept)) == list(map(str, level)) else -1  # equal to the last zero
    return -1 if (kept.price > level.price) is bid_first else 0


def _join(moves: Moves, step: int) -> None:
    last = moves[-1] if moves else ""
    if isinstance(last, int) and (last > 0) is (step > 0):
        moves[-1] = last + step
    else:
        moves.append(step)


def _moved(before: tuple[Level, ...], moves: Sequence[int | str] | None) -> tuple[Level, ...]:
    """Return the side that ``moves`` lead to."""
    if moves is None:
        return before
    after: list[Level] = []
    old, coming = 0, iter(moves)
    for move in coming:
        if isinstance(move, str):
            after.append(Level(Decimal(move), Decimal(next(coming))))
        elif move > 0:
            after += before[old : old + move]
            old += move
        else:
            old -= move
    return tuple(after)
