"""WebSocket frames built beforehand: all but the instant, which has a fixed length and is put in when a frame goes."""

import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgpack  # type: ignore[import-untyped]

from domain.market import Book, Level
from simulator.alpaca import wire as alpaca_wire
from simulator.instruments import ALPACA, KRAKEN
from simulator.kraken import wire as kraken_wire
from simulator.load.cycles import LEVELS, Cycle
from simulator.publication import changed_levels

_TEXT, _BINARY = 0x81, 0x82  # final frame, unmasked: how a server writes
_STAMP_PREFIX = b"\xd7\xff"  # msgpack's 64-bit time stamp: an extension of type -1 and eight bytes
_PLACE_NS = 123_456_789 * 10**9 + 123_456_000


class Stamped(NamedTuple):
    """A frame in two parts; the instant goes between them."""

    head: bytes
    tail: bytes


class PairFrames(NamedTuple):
    """One pair's whole first book, and by position the update that leads to the next one."""

    whole: Stamped
    updates: tuple[Stamped, ...]


class Protocols(Protocol):
    """How one exchange writes a book."""

    def stamp(self, at_ns: int) -> bytes:
        """Return the instant as its frames carry it."""

    def frames(self, cycle: Cycle) -> PairFrames:
        """Return every frame of a cycle."""


class KrakenFrames:
    """WebSocket v2: JSON with a checksum that is right."""

    def stamp(self, at_ns: int) -> bytes:
        """Return ``2026-10-06T17:35:55.440295Z``."""
        return kraken_wire.timestamp(at_ns).encode()

    def frames(self, cycle: Cycle) -> PairFrames:
        """Return every frame of a cycle."""
        lot, books = cycle.instrument.lot, cycle.books
        return PairFrames(
            self._frame("snapshot", books[0], books[0].bids, books[0].asks, lot),
            tuple(self._update(book, books[cycle.after(at)], lot) for at, book in enumerate(books)),
        )

    def _update(self, before: Book, after: Book, lot: Decimal) -> Stamped:
        bids = kraken_wire.window_changes(before.bids, after.bids, LEVELS)
        asks = kraken_wire.window_changes(before.asks, after.asks, LEVELS)
        return self._frame("update", after, bids, asks, lot)

    def _frame(
        self,
        kind: str,
        book: Book,
        bids: Sequence[Level],
        asks: Sequence[Level],
        lot: Decimal,
    ) -> Stamped:
        text = kraken_wire.book_frame(kind, book, bids=bids, asks=asks, lot=lot, crc=kraken_wire.checksum(book))
        return _split(_TEXT, text.encode(), self.stamp(book.venue_at_ns))


class AlpacaFrames:
    """The crypto stream: msgpack with binary floats."""

    def stamp(self, at_ns: int) -> bytes:
        """Return the ten bytes of a 64-bit time stamp."""
        seconds, ns = divmod(at_ns, 10**9)
        return _STAMP_PREFIX + struct.pack(">Q", ns << 34 | seconds)

    def frames(self, cycle: Cycle) -> PairFrames:
        """Return every frame of a cycle."""
        books = cycle.books
        return PairFrames(
            self._frame(books[0], books[0].bids, books[0].asks, {"r": True}),
            tuple(self._update(book, books[cycle.after(at)]) for at, book in enumerate(books)),
        )

    def _update(self, before: Book, after: Book) -> Stamped:
        return self._frame(after, changed_levels(before.bids, after.bids), changed_levels(before.asks, after.asks), {})

    def _frame(
        self,
        book: Book,
        bids: Sequence[Level],
        asks: Sequence[Level],
        more: Mapping[str, object],
    ) -> Stamped:
        message = {
            "T": "o",
            "S": book.pair.symbol,
            "t": msgpack.Timestamp.from_unix_nano(_PLACE_NS),
            "b": alpaca_wire.levels(bids),
            "a": alpaca_wire.levels(asks),
            **more,
        }
        packed = msgpack.packb([message])
        assert isinstance(packed, bytes)
        return _split(_BINARY, packed, self.stamp(_PLACE_NS))


FRAMES: Mapping[str, Protocols] = {KRAKEN: KrakenFrames(), ALPACA: AlpacaFrames()}


def _split(kind: int, payload: bytes, stamp: bytes) -> Stamped:
    head, found, tail = payload.partition(stamp)
    assert found, "the instant is in every frame"
    return Stamped(_header(kind, len(payload)) + head, tail)


def _header(kind: int, length: int) -> bytes:
    """Return what stands before a payload. Source: RFC 6455, section 5.2."""
    if length < 126:
        return bytes((kind, length))
    if length < 1 << 16:
        return struct.pack(">BBH", kind, 126, length)
    return struct.pack(">BBQ", kind, 127, length)
