"""Which market is as of now: what the stream has cached, and by REST what it has not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog
from django.conf import settings

from domain.errors import Unreachable
from domain.market import Clock, Market, MarketKey
from domain.scope import Scope
from trading.marketdata.price_cache import CachedBooks, field_of
from trading.services.scan.connections import Connections
from trading.venues import roster

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MarketsNow:
    """The markets as of now, which of them were asked for just now, and why others are missing."""

    markets: Mapping[MarketKey, Market]
    asked: frozenset[MarketKey]  # of the venue or the chain itself: no stream had them
    missing: Mapping[MarketKey, str]
    cache_problem: str  # why the price cache gave nothing, empty where it answers


def read_markets(
    wanted: Iterable[MarketKey], scope: Scope, *, clock: Clock, connections: Connections, is_part: bool = False
) -> MarketsNow:
    """Return every wanted market that can be had now, each no older than a book may be.

    Where they are but part of what is cached, the others are not read.
    """
    keys = tuple(wanted)
    found, refused, problem = _cached(keys, scope, clock, connections, is_part=is_part)
    lacking = [key for key in keys if key not in found]
    read, missing = _by_rest(lacking, clock, connections)
    told = {key: missing.get(key) or refused.get(field_of(key)) or "no_book" for key in lacking if key not in read}
    return MarketsNow(found | read, frozenset(read), told, problem)


def _cached(
    keys: tuple[MarketKey, ...], scope: Scope, clock: Clock, connections: Connections, *, is_part: bool
) -> tuple[dict[MarketKey, Market], Mapping[str, str], str]:
    max_age_ms = settings.ARB.trading.max_book_age_ms
    try:
        cache = CachedBooks(connections.redis, scope, clock=clock, max_age_ms=max_age_ms)
        books, refused = cache.books(keys if is_part else None)
    except Unreachable as error:
        log.warning("scan_without_price_cache", error=str(error))
        return {}, {}, str(error)
    return {key: books[key] for key in keys if key in books}, refused, ""


def _by_rest(
    keys: list[MarketKey], clock: Clock, connections: Connections
) -> tuple[dict[MarketKey, Market], dict[MarketKey, str]]:
    """Return what could be read, and why the others could not."""
    wanted = {source: tuple(dict.fromkeys(key.pair for key in of)) for source, of in _by_source(keys).items()}
    found: dict[MarketKey, Market] = {}
    missing: dict[MarketKey, str] = {}
    max_age_ms = settings.ARB.trading.max_book_age_ms
    for reading in connections.read(wanted) if wanted else ():
        markets, refused = reading.sound(now_ns=clock.now_ns(), max_age_ms=max_age_ms)
        found |= {MarketKey(market.venue, market.pair): market for market in markets}
        missing |= {key: refused[key.pair] for key in _by_source(keys)[reading.venue] if key.pair in refused}
    return {key: found[key] for key in keys if key in found}, missing


def _by_source(keys: Iterable[MarketKey]) -> dict[str, list[MarketKey]]:
    sources = roster.sources(settings.ARB.venues)
    found: dict[str, list[MarketKey]] = {}
    for key in keys:
        found.setdefault(sources[key.venue], []).append(key)
    return found
