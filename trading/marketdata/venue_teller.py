"""How each venue's feed is doing, told through Redis by the stream process that follows it."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict

import redis
import redis.asyncio

from domain.scope import Scope
from trading.async_redis import in_time
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.venue_lines import VenueLine
from trading.marketdata.venue_score import score_of
from trading.venues.health import lately

TELL_EVERY_S = 1.0


class VenueBoardWriter:
    """Tells how the feeds are doing once a second; while Redis is down nobody is told, and nothing is lost."""

    def __init__(self, client: "redis.asyncio.Redis", scope: Scope, *, partition: int | None = None) -> None:
        self._client = client
        self._key = board_key(scope, partition)

    async def run(self, statuses: Callable[[], Sequence[VenueStatus]]) -> None:
        """Tell until cancelled."""
        while True:
            await self.tell(statuses())
            await asyncio.sleep(TELL_EVERY_S)

    async def tell(self, statuses: Sequence[VenueStatus]) -> bool:
        """Write every line, and return whether Redis took them."""
        text = json.dumps([asdict(line_of(status)) for status in statuses])
        try:
            async with in_time():
                await self._client.set(self._key, text, ex=BOARD_EXPIRE_S)
        except (redis.RedisError, OSError):
            return False  # the price cache's writer logs the outage; the next line supersedes this one
        return True


def line_of(status: VenueStatus) -> VenueLine:
    """Return what is told of one venue."""
    feed = status.feed
    refused = Counter(feed.refused) + Counter(status.refused_later)
    score = score_of(status)
    return VenueLine(
        venue=feed.venue,
        is_connected=status.is_connected,
        messages=feed.messages,
        books=feed.books,
        reconnects=feed.reconnects,
        restarts=status.restarts,
        refused=refused.total(),
        last_error=status.last_error,
        reasons=dict((refused + Counter(feed.trouble)).most_common()),
        polled_every_ms=feed.polled_every_ms,
        origin=feed.origin,
        venue_state=feed.venue_state,
        age_ms=status.age_ms,
        confirmed=feed.confirmed,
        resyncs=feed.resyncs,
        integrity=_integrity(sound=feed.books - sum(status.refused_later.values()), refused=refused.total()),
        clock_offset_ms=feed.clock_offset_ms,
        latency_p50_ms=feed.latency_p50_ms,
        latency_p99_ms=feed.latency_p99_ms,
        rate_per_s=round(lately(feed, status.now_ns).rate_per_s, 1),
        health=score.points,
        health_reasons=list(score.reasons),
    )


def _integrity(*, sound: int, refused: int) -> float:
    """Return the share of books that were sound, 1 where none has come."""
    return max(0, sound) / (max(0, sound) + refused) if sound > 0 or refused else 1.0
