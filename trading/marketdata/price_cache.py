"""The latest state of each market in Redis, with its times: readers reject by age, not by expiry alone."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from decimal import InvalidOperation
from itertools import islice
from typing import Any

import redis
import redis.asyncio
import structlog

from domain.book import check
from domain.errors import BadInput, BadMarketData, Unreachable
from domain.market import Book, Clock, Level, Market, MarketKey
from domain.scope import Scope
from trading.async_redis import in_time
from trading.market_json import market_from_json, market_to_json

log = structlog.get_logger(__name__)

WRITE_EVERY_S = 0.2
MOST_AT_ONCE = 100  # books of one write: beyond it the path of every change would pay for the cache
EXPIRE_S = 3600
DEPTH = 25
FINEST_EXPONENT = -18  # of a price or quantity: no source tells more decimals


def cache_key(scope: Scope) -> str:
    """Return the Redis hash that holds the books of ``scope``."""
    return f"arb:{scope}:books"


def field_of(key: MarketKey) -> str:
    """Return the field of one market in that hash."""
    return f"{key.venue}|{key.pair.symbol}"


class PriceCache:
    """Writes what changed a few times a second in one round trip; while Redis is down it goes on without."""

    def __init__(self, client: "redis.asyncio.Redis", scope: Scope) -> None:
        self._client = client
        self._key = cache_key(scope)
        self._changed: dict[MarketKey, Market] = {}
        self.is_available = True
        self.written = 0

    def put(self, book: Market) -> None:
        """Note a newer book; cheap, for the path of every change."""
        self._changed[MarketKey(book.venue, book.pair)] = book

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what changed, what waits longest first; what is left is written next time, or superseded."""
        if not self._changed:
            return
        changed = dict(islice(self._changed.items(), MOST_AT_ONCE))
        for key in changed:
            del self._changed[key]
        rows = {field_of(key): encode(book) for key, book in changed.items()}
        try:
            async with in_time(), self._client.pipeline(transaction=False) as pipeline:
                pipeline.hset(self._key, mapping=rows)
                pipeline.expire(self._key, EXPIRE_S)
                await pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._changed = {**changed, **self._changed}
            self._note_outage(error)
        else:
            self._note_recovery(len(rows))

    def _note_outage(self, error: Exception) -> None:
        if self.is_available:
            log.warning("price_cache_lost", error=type(error).__name__)
        self.is_available = False

    def _note_recovery(self, count: int) -> None:
        if not self.is_available:
            log.info("price_cache_back")
        self.is_available = True
        self.written += count


class CachedBooks:
    """Reads the books that the stream process wrote."""

    def __init__(self, client: "redis.Redis", scope: Scope, *, clock: Clock, max_age_ms: int) -> None:
        self._client = client
        self._key = cache_key(scope)
        self._clock = clock
        self._max_age_ms = max_age_ms

    def book(self, key: MarketKey) -> Market | None:
        """Return the cached book, None where there is none. Raises: BadMarketData (stale, ...), Unreachable."""
        try:
            raw = self._client.hget(self._key, field_of(key))
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the price cache does not answer: {type(error).__name__}") from error
        return None if raw is None else self._checked(field_of(key), raw)

    def books(self, wanted: Sequence[MarketKey] | None = None) -> tuple[dict[MarketKey, Market], Mapping[str, str]]:
        """Return every fresh book, or those ``wanted``, and the reason against every other by field.

        Raises: Unreachable.
        """
        try:
            rows = self._rows(None if wanted is None else [field_of(key) for key in wanted])
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the price cache does not answer: {type(error).__name__}") from error
        found: dict[MarketKey, Market] = {}
        refused: dict[str, str] = {}
        for name, raw in rows.items():
            field = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
            try:
                book = self._checked(field, raw)
                found[MarketKey(book.venue, book.pair)] = book
            except BadMarketData as bad:
                refused[field] = bad.reason
        return found, refused

    def _rows(self, names: list[str] | None) -> dict[Any, Any]:
        if names is None:
            every: Any = self._client.hgetall(self._key)
            return dict(every)
        if not names:
            return {}
        some: Any = self._client.hmget(self._key, names)
        return {name: raw for name, raw in zip(names, some, strict=True) if raw is not None}

    def _checked(self, field: str, raw: Any) -> Market:
        book = decode(raw)
        if field_of(MarketKey(book.venue, book.pair)) != field:
            raise BadMarketData("misplaced", f"{book.venue} {book.pair} under {field}")
        check(book, now_ns=self._clock.now_ns(), max_age_ms=self._max_age_ms)
        return book


def encode(book: Market) -> str:
    """Return a book as JSON text, its best levels alone."""
    return json.dumps(market_to_json(book, depth=DEPTH), separators=(",", ":"))


def decode(raw: str | bytes) -> Market:
    """Return the book that ``encode`` wrote. Raises: BadMarketData malformed or out_of_range."""
    try:
        market = market_from_json(json.loads(raw))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, InvalidOperation, BadInput) as error:
        raise BadMarketData("malformed", f"cached book: {type(error).__name__}") from None
    if isinstance(market, Book) and not all(map(_is_known_fine, market.bids + market.asks)):
        raise BadMarketData("out_of_range", f"{market.venue} {market.pair} finer than 18 decimals")
    return market


def _is_known_fine(level: Level) -> bool:
    exponents = (number.as_tuple().exponent for number in level)
    return all(not isinstance(exponent, int) or exponent >= FINEST_EXPONENT for exponent in exponents)
