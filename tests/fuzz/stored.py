"""What we wrote ourselves and read again: the price cache, the venue board, the pages of a recording."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, replace

from domain.book import check
from tests.fakes import MS, book, pool
from tests.fuzz.mutate import spoil_bytes, spoil_json
from tests.fuzz.shape import MAX_AGE_MS, NOW_NS, Shape
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.price_cache import decode, encode
from trading.marketdata.venue_lines import lines_from
from trading.marketdata.venue_teller import line_of
from trading.services.recording.pages import HEADER_AT, PageEncoder, decode_page, shares_of
from trading.venues.health import FeedHealth


def shapes() -> list[Shape]:
    """Return every shape of what is stored."""
    line = asdict(line_of(VenueStatus(FeedHealth("kraken", origin="kraken").status(), 5, {}, 0, "")))
    found = [
        Shape("cached_book", encode(book("kraken", "99.5", "100.5")).encode(), spoil_json, _read_cached),
        Shape("cached_pool", encode(pool()).encode(), spoil_json, _read_cached),
        Shape("board", json.dumps([line]).encode(), spoil_json, _read_board),
        Shape("page_of_books", _page(is_pool=False), spoil_bytes, _read_page),
        Shape("page_of_pools", _page(is_pool=True), spoil_bytes, _read_page),
        Shape("page_of_books_uncompressed", _unpacked(_page(is_pool=False)), spoil_bytes, _read_unpacked),
        Shape("page_of_pools_uncompressed", _unpacked(_page(is_pool=True)), spoil_bytes, _read_unpacked),
    ]
    return [replace(shape, beside=("1990", "2010")) if "pool" in shape.name else shape for shape in found]


def _read_cached(raw: bytes) -> Iterable[object]:
    market = decode(raw)
    check(market, now_ns=NOW_NS, max_age_ms=MAX_AGE_MS)
    return [market]


def _page(*, is_pool: bool) -> bytes:
    pages = PageEncoder()
    first = pool() if is_pool else book("kraken", "99.5", "100.5")
    for number in range(4):
        later_ns = NOW_NS + number * 100 * MS
        pages.add(later_ns, replace(first, seq=number + 1, seen_at_ns=later_ns, venue_at_ns=later_ns))
    page = pages.take()
    assert page is not None
    return page.payload()


def _unpacked(payload: bytes) -> bytes:
    start = _start(payload)
    return payload[:start] + zlib.decompress(payload[start:])


def _start(payload: bytes) -> int:
    return HEADER_AT + int.from_bytes(payload[1:HEADER_AT], "big")


def _read_unpacked(payload: bytes) -> Iterable[object]:
    """Read what would be a page, had it been spoilt before it was compressed."""
    start = _start(payload)
    return _read_page(payload[:start] + zlib.compress(payload[start:], 1))


def _read_page(payload: bytes) -> Iterable[object]:
    shares_of(payload)
    return (seen.book for seen in decode_page(payload))


def _read_board(raw: bytes) -> Iterable[object]:
    lines_from(raw)  # shown, never reckoned with
    return ()
