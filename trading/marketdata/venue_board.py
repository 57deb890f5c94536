"""How each venue's feed is doing, told by the stream process through Redis to whoever shows it."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import redis
import redis.asyncio

from domain.errors import Unreachable
from domain.scope import Scope
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.venue_score import score_of
from trading.venues.health import lately

TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class VenueLine:
    """One venue's feed in numbers; counts are since the stream process started.

    ``reasons`` says why books were refused and connections lost, and how often; ``polled_every_ms`` is the pace of a
    venue that is asked instead of listened to. ``integrity`` is the share of books that were sound, ``clock_offset_ms``
    how far the venue's clock is ahead of ours, ``health`` a score of 100 with what speaks against it, worst first.
    """

    venue: str
    is_connected: bool
    messages: int
    books: int
    reconnects: int
    restarts: int
    refused: int
    last_error: str
    reasons: dict[str, int] = field(default_factory=dict)
    polled_every_ms: int | None = None
    origin: str = ""  # whose books these are: venues of one origin are not independent
    venue_state: str = ""
    age_ms: int | None = None
    confirmed: int = 0
    resyncs: int = 0
    integrity: float = 1.0
    clock_offset_ms: float | None = None
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    rate_per_s: float = 0.0
    health: int = 100
    health_reasons: list[str] = field(default_factory=list)


_FIELDS = frozenset(one.name for one in fields(VenueLine))


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


def lines_from(raw: str | bytes) -> list[VenueLine]:
    """Return the lines as told by whatever version of the stream process. Raises: Unreachable if they are none."""
    try:
        rows = json.loads(raw)
        return [VenueLine(**{name: value for name, value in row.items() if name in _FIELDS}) for row in rows]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unreachable(f"the venue board cannot be read: {type(error).__name__}") from None


class VenueBoardWriter:
    """Tells how the feeds are doing once a second; while Redis is down nobody is told, and nothing is lost."""

    def __init__(self, client: "redis.asyncio.Redis", scope: Scope) -> None:
        self._client = client
        self._key = board_key(scope)

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
    """Reads what the stream process told last."""

    def __init__(self, client: "redis.Redis", scope: Scope) -> None:
        self._client = client
        self._key = board_key(scope)

    def lines(self) -> list[VenueLine]:
        """Return one line per venue; none before the stream process told any. Raises: Unreachable."""
        raw = self._ask(lambda: self._client.get(self._key))
        return [] if raw is None else lines_from(raw)

    def age_s(self) -> float | None:
        """Return how long ago the stream process told last; None where it has not for long. Raises: Unreachable."""
        left_ms = self._ask(lambda: self._client.pttl(self._key))
        return BOARD_EXPIRE_S - left_ms / 1000 if left_ms > 0 else None

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the venue board does not answer: {type(error).__name__}") from error
