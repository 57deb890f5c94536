"""How each venue's feed is doing, told by the stream process through Redis to whoever shows it."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import redis
import redis.asyncio

from domain.errors import Unreachable
from domain.scope import Scope
from trading.marketdata.feeds import VenueStatus

TELL_EVERY_S = 1.0
EXPIRE_S = 600


@dataclass(frozen=True, slots=True)
class VenueLine:
    """One venue's feed in numbers; counts are since the stream process started.

    ``reasons`` says why books were refused and connections lost, and how often; ``polled_every_ms`` is the pace of a
    venue that is asked instead of listened to.
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


def board_key(scope: Scope) -> str:
    """Return the Redis key that holds the lines of ``scope``."""
    return f"arb:{scope}:venues"


def line_of(status: VenueStatus) -> VenueLine:
    """Return what is told of one venue."""
    feed = status.feed
    refused = Counter(feed.refused) + Counter(status.refused_later)
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
    )


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
            await self._client.set(self._key, text, ex=EXPIRE_S)
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
        try:
            raw: Any = self._client.get(self._key)
        except (redis.RedisError, OSError) as error:
            raise Unreachable(f"the venue board does not answer: {type(error).__name__}") from error
        return [] if raw is None else [VenueLine(**row) for row in json.loads(raw)]
