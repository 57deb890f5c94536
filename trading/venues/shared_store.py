"""Redis as something that may be away: asked with a short time-out, and left alone for a while after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
import structlog

from domain.errors import Unreachable

log = structlog.get_logger(__name__)

ANSWER_IN_S = 0.25
LEFT_ALONE_S = 5.0

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Standing:
    """Whether Redis answered the last time, and until when it is left alone if not."""

    is_there: bool
    left_alone_until_s: float = 0.0


# All who share a client share what is known of it: an outage costs one wait, not one each.
_standings: "WeakKeyDictionary[redis.asyncio.Redis, _Standing]" = WeakKeyDictionary()


class SharedStore:
    """What processes share through Redis for one purpose; ``is_there`` says whether they do at present."""

    def __init__(self, client: "redis.asyncio.Redis | None", *, purpose: str) -> None:
        self._client = client
        self._purpose = purpose
        self._standing = _Standing(False) if client is None else _standings.setdefault(client, _Standing(True))

    @property
    def is_there(self) -> bool:
        """Whether Redis answered the last time."""
        return self._standing.is_there

    async def ask(self, question: "Callable[[redis.asyncio.Redis], Awaitable[Answer]]") -> Answer:
        """Return what Redis answers. Raises: Unreachable, at once while it is left alone."""
        if self._client is None or time.monotonic() < self._standing.left_alone_until_s:
            raise Unreachable(f"{self._purpose}: Redis is away")
        asked_s = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_IN_S):
                answer = await question(self._client)
        except (redis.RedisError, OSError, TimeoutError) as error:
            if time.monotonic() - asked_s < 2 * ANSWER_IN_S:  # else this process was late itself
                self._note_outage(error)
            raise Unreachable(f"{self._purpose}: Redis is away") from error
        self._note_recovery()
        return answer

    def _note_outage(self, error: Exception) -> None:
        self._standing.left_alone_until_s = time.monotonic() + LEFT_ALONE_S
        if self._standing.is_there:
            log.warning("shared_store_lost", purpose=self._purpose, error=type(error).__name__)
        self._standing.is_there = False

    def _note_recovery(self) -> None:
        if not self._standing.is_there:
            log.info("shared_store_back", purpose=self._purpose)
        self._standing.is_there = True
