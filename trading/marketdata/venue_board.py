"""How each venue's feed is doing, told by the stream process through Redis to whoever shows it.

Where several streams share the pairs each tells of its own connections under a key of its own.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import redis
import redis.asyncio

from domain.errors import Unreachable
from domain.scope import Scope
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.venue_lines import VenueLine, lines_from, together
from trading.marketdata.venue_score import score_of
from trading.venues.health import lately

TELL_EVERY_S = 1.0


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
            await self._client.set(self._key, text, ex=BOARD_EXPIRE_S)
        except (redis.RedisError, OSError):
            return False  # the price cache's writer logs the outage; the next line supersedes this one
        return True


class VenueBoard:
    """Reads what the stream process told last, or each of the streams that share the pairs."""

    def __init__(self, client: "redis.Redis", scope: Scope, *, partitions: int = 1) -> None:
        self._client = client
        self._whole = board_key(scope)
        self._parts = [board_key(scope, index) for index in range(1, partitions + 1)] if partitions > 1 else []

    def lines(self) -> list[VenueLine]:
        """Return one line per venue; none before a stream process told any. Raises: Unreachable."""
        told = self._ask(lambda: self._client.mget(self._keys()))
        return together([line for raw in told if raw is not None for line in lines_from(raw)])

    def age_s(self) -> float | None:
        """Return how long ago every stream process had told last; None where one has not for long.

        Raises: Unreachable.
        """
        ages = list(map(self._age_s, self._keys()))
        return None if None in ages else max(age for age in ages if age is not None)

    def _keys(self) -> list[str]:
        """Return where lines are told at present: a stream of all pairs is heard where it told last."""
        whole_s = self._age_s(self._whole) if self._parts else 0.0
        youngest_s = min((age for age in map(self._age_s, self._parts) if age is not None), default=BOARD_EXPIRE_S)
        return [self._whole] if whole_s is not None and whole_s < youngest_s else self._parts

    def _age_s(self, key: str) -> float | None:
        left_ms = self._ask(lambda: self._client.pttl(key))
        return BOARD_EXPIRE_S - left_ms / 1000 if left_ms > 0 else None

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the venue board does not answer: {type(error).__name__}") from error
