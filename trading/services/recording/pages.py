"""The page codec: a stretch of books and pools as compressed changes, readable alone and back digit for digit.

A page is one byte of version, two of the header's length, the header, and a zlib stream. The header says per venue how
many states there are and when the last was seen. The stream is a row of msgpack arrays: one that names a market before
its first state, then one for each state: market, instants, sequence and what changed. Of a book that is how either
side follows from the side before: a list of moves along the side before, n > 0 keeps the next n levels, n < 0 leaves
them out, and two strings write a level that was not there; none at all means that nothing changed. Of a pool it is
what its block says, or none where the block is the one before. What rows told of pairs, whenever that has changed,
stands before the first state that was decided on by it. Version 1 knew no pools, version 2 nothing of rows; both are
read alike.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal, InvalidOperation
from operator import is_
from typing import Any, NamedTuple, TypeAlias

import msgpack  # type: ignore[import-untyped]

from domain.errors import ArbError
from domain.features import Contexts, FeatureContext
from domain.market import Asset, Book, Level, Market, MarketKey, Pair, PoolState

VERSION = 3
VERSIONS_READ = (1, 2, VERSION)
HEADER_AT = 3  # bytes before the header
_COMPRESSION = 3  # 6 takes two to three times as long for a page that is a twentieth smaller

Levels = Sequence[Level]
Moves = list[int | str]
PoolName: TypeAlias = tuple[int, str, int, int, int]  # what never changes of a pool
AtBlock: TypeAlias = tuple[str, str, str, int, str, int]  # amounts as strings: msgpack's integers have 64 bits


class MalformedPageError(ArbError):
    """A page that cannot be believed; the message says why."""


class Seen(NamedTuple):
    """A book or pool and the instant at which it was decided on, in ns since the epoch (UTC)."""

    at_ns: int
    book: Market


class Learnt(NamedTuple):
    """What rows tell of pairs, and the instant of the first book or pool that was decided on by it."""

    at_ns: int
    context: Contexts


class VenueShare(NamedTuple):
    """How many states of a page are one venue's, and when the last of them was seen."""

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
    pool: PoolName | None = None
    block: AtBlock | None = None
    seq: int = 0
    updates: int = 0
    last_at_ns: int = 0


class PageEncoder:
    """Gathers books and pools until a page is taken; ``size`` is how many bytes wait, not yet compressed."""

    def __init__(self) -> None:
        self._packer = msgpack.Packer(autoreset=False)
        self._learnt: Contexts | None = None  # what the next state is decided by, where that has changed
        self._begin()

    def _begin(self) -> None:
        self._markets: dict[tuple[str, int], _Market] = {}
        self._named = 0
        self._first_at_ns = self._last_at_ns = 0
        self.updates = 0

    @property
    def size(self) -> int:
        """Return how many bytes a page taken now would hold before it is compressed."""
        return len(self._packer.getbuffer())

    def learn(self, context: Contexts) -> None:
        """Take what is known beside the books from the next one on."""
        self._learnt = context

    def add(self, at_ns: int, book: Market) -> None:
        """Add a book or pool that was decided on at ``at_ns``."""
        if not self.updates:
            self._first_at_ns = self._last_at_ns = at_ns
            self._packer.pack(at_ns)
        if self._learnt is not None:
            self._packer.pack((None, at_ns - self._last_at_ns, _figures_of(self._learnt)))
            self._learnt, self._last_at_ns = None, at_ns
        market = self._add_pool(at_ns, book) if isinstance(book, PoolState) else self._add_book(at_ns, book)
        market.seq = book.seq
        market.updates += 1
        market.last_at_ns = self._last_at_ns = at_ns
        self.updates += 1

    def _add_book(self, at_ns: int, book: Book) -> _Market:
        market = self._markets.get((book.venue, id(book.pair))) or self._name_market(book.venue, book.pair)
        changes = _moves(market.bids, book.bids, bid_first=True), _moves(market.asks, book.asks, bid_first=False)
        self._packer.pack((*self._beginning(market, at_ns, book), *changes))
        market.bids, market.asks = book.bids, book.asks
        return market

    def _add_pool(self, at_ns: int, pool: PoolState) -> _Market:
        market = self._markets.get((pool.venue, id(pool.pair)))
        if market is None or market.pool != _name_of(pool):
            market = self._name_market(pool.venue, pool.pair, _name_of(pool))
        block = _block_of(pool)
        self._packer.pack((*self._beginning(market, at_ns, pool), None if block == market.block else block))
        market.block = block
        return market

    def _beginning(self, market: _Market, at_ns: int, book: Market) -> tuple[int, ...]:
        since_seen_ns, since_told_ns = at_ns - book.seen_at_ns, book.seen_at_ns - book.venue_at_ns
        return market.number, at_ns - self._last_at_ns, since_seen_ns, since_told_ns, book.seq - market.seq

    def take(self) -> EncodedPage | None:
        """Return what was added since the last call, None if nothing was, and start anew."""
        if not self.updates:
            return None
        page = EncodedPage(self._first_at_ns, self._last_at_ns, self.updates, self._shares(), self._packer.bytes())
        self._packer.reset()
        self._begin()
        return page

    def _name_market(self, venue: str, pair: Pair, pool: PoolName | None = None) -> _Market:
        # By the pair's identity: a pair's hash costs more than all the rest, and a pair that is equal but not the same
        # only becomes a second market with the same name. The market keeps its pair, so no identity is used again.
        market = _Market(self._named, pair, pool=pool)
        self._named += 1
        if (replaced := self._markets.get((venue, id(pair)))) is not None:  # another pool under the same name
            market.updates, market.last_at_ns = replaced.updates, replaced.last_at_ns
        self._markets[venue, id(pair)] = market
        self._packer.pack((venue, _fields_of(pair.base), _fields_of(pair.quote), *([] if pool is None else [pool])))
        return market

    def _shares(self) -> dict[str, VenueShare]:
        shares: dict[str, VenueShare] = {}
        for (venue, _), market in self._markets.items():
            before = shares.get(venue, VenueShare(0, 0))
            last_at_ns = max(before.last_at_ns, market.last_at_ns)
            shares[venue] = VenueShare(before.updates + market.updates, last_at_ns)
        return shares


def decode_page(payload: bytes) -> Iterator[Seen | Learnt]:
    """Yield all that a page was given, digit for digit, in the order it came. Raises: MalformedPageError."""
    start, _ = _header(payload)
    try:
        rows = msgpack.Unpacker(use_list=False)
        rows.feed(zlib.decompress(memoryview(payload)[start:]))
        yield from _states(rows)
    except (zlib.error, ValueError, TypeError, LookupError, msgpack.UnpackException, InvalidOperation) as error:
        raise MalformedPageError(f"the page is damaged ({type(error).__name__}: {error})") from None


def shares_of(payload: bytes) -> Mapping[str, VenueShare]:
    """Return what a page, or its first bytes, says per venue, without reading its books. Raises: MalformedPageError."""
    return _header(payload)[1]


def _header(payload: bytes) -> tuple[int, dict[str, VenueShare]]:
    """Return where the books begin, and what is said before them."""
    if not payload or payload[0] not in VERSIONS_READ:
        raise MalformedPageError(f"the page is of version {payload[0] if payload else 'none'}, not {VERSION} or older")
    start = HEADER_AT + int.from_bytes(payload[1:HEADER_AT], "big")
    try:
        told = msgpack.unpackb(bytes(payload[HEADER_AT:start]))
        return start, {venue: VenueShare(*share) for venue, share in told.items()}
    except (ValueError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise MalformedPageError(f"the page's header is damaged ({type(error).__name__})") from None


@dataclass(slots=True)
class _Reading:
    """A market as far as its page has been read."""

    key: MarketKey
    pool: PoolName | None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    block: AtBlock | None = None
    seq: int = 0


def _states(rows: Iterator[Any]) -> Iterator[Seen | Learnt]:
    at_ns = next(rows, None)
    if type(at_ns) is not int:
        raise ValueError("a page begins with an instant")
    markets: list[_Reading] = []
    for row in rows:
        if isinstance(row[0], str):
            markets.append(_reading(*row))
            continue
        if row[0] is None:
            at_ns += row[1]
            yield Learnt(at_ns, _contexts(row[2]))
            continue
        number, after_ns, since_seen_ns, since_told_ns, seq_step, *changes = row
        market = markets[number]
        at_ns += after_ns
        market.seq += seq_step
        seen_at_ns = at_ns - since_seen_ns
        following = _next_book if market.pool is None else _next_pool
        yield Seen(at_ns, following(market, seen_at_ns - since_told_ns, seen_at_ns, *changes))


def _contexts(told: Any) -> Contexts:
    if any(type(figure) is not float for _, figures in told for figure in figures):
        raise ValueError("what is known of a pair is not written in figures")
    return {str(symbol): FeatureContext(*figures) for symbol, figures in told}


def _reading(venue: str, base: Sequence[Any], quote: Sequence[Any], pool: PoolName | None = None) -> _Reading:
    if pool is not None and list(map(type, pool)) != [int, str, int, int, int]:
        raise ValueError("a pool is not named by numbers and its address")
    return _Reading(MarketKey(venue, Pair(Asset(*base), Asset(*quote))), pool)


def _next_book(market: _Reading, venue_at_ns: int, seen_at_ns: int, bids: Any, asks: Any) -> Book:
    market.bids, market.asks = _moved(market.bids, bids), _moved(market.asks, asks)
    return Book(*market.key, market.bids, market.asks, venue_at_ns, seen_at_ns, market.seq)


def _next_pool(market: _Reading, venue_at_ns: int, seen_at_ns: int, block: AtBlock | None) -> PoolState:
    market.block = block or market.block
    if market.pool is None or market.block is None:
        raise ValueError("a pool comes before its first block")
    chain_id, address, base_decimals, quote_decimals, fee_pips = market.pool
    if list(map(type, market.block)) != [str, str, str, int, str, int]:
        raise ValueError("a pool's block is not written as blocks are")
    base_reserve, quote_reserve, gas_price_wei, number, block_hash, block_at_ns = market.block
    return PoolState(
        *market.key,
        chain_id=chain_id,
        address=address,
        base_reserve=int(base_reserve),
        quote_reserve=int(quote_reserve),
        base_decimals=base_decimals,
        quote_decimals=quote_decimals,
        fee_pips=fee_pips,
        block=number,
        block_hash=block_hash,
        block_at_ns=block_at_ns,
        gas_price_wei=int(gas_price_wei),
        venue_at_ns=venue_at_ns,
        seen_at_ns=seen_at_ns,
        seq=market.seq,
    )


def _name_of(pool: PoolState) -> PoolName:
    return pool.chain_id, pool.address, pool.base_decimals, pool.quote_decimals, pool.fee_pips


def _block_of(pool: PoolState) -> AtBlock:
    amounts = str(pool.base_reserve), str(pool.quote_reserve), str(pool.gas_price_wei)
    return *amounts, pool.block, pool.block_hash, pool.block_at_ns


def _figures_of(context: Contexts) -> list[tuple[str, tuple[float, ...]]]:
    return [(symbol, tuple(map(float, astuple(known)))) for symbol, known in context.items()]


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
            after.append(Level(Decimal(move), Decimal(str(next(coming, "")))))
        elif move > 0:
            after += before[old : old + move]
            old += move
        else:
            old -= move
    return tuple(after)
