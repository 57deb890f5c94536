"""How often a venue or a chain may be asked: one budget over all processes, by a token bucket in Redis."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis.asyncio
import structlog

from domain.errors import BadInput, Unreachable
from trading.venues.shared_store import SharedStore

log = structlog.get_logger(__name__)

MOST_WAIT_S = 5.0
ALONE = 0.5  # of the allowance, while Redis is away and nobody knows what the others take
_BURST = 0.1  # of a second's allowance may go out at once

# The bucket as the one instant at which it will be full again. A turn too far off is not taken.
_TAKE = """
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local interval_us, burst, count, most_wait_us = unpack(ARGV)
local full_at_us = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now_us) + count * interval_us
local wait_us = math.max(0, full_at_us - burst * interval_us - now_us)
if wait_us > tonumber(most_wait_us) then return {0, math.ceil(wait_us)} end
redis.call('SET', KEYS[1], string.format('%.0f', full_at_us), 'PX', math.ceil((full_at_us - now_us) / 1000) + 1000)
return {1, math.ceil(wait_us)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests a second, and how many of them at once. Raises: BadInput."""

    per_s: float
    burst: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_s) and self.per_s > 0 and self.burst >= 1):
            raise BadInput(f"a budget of {self.per_s} requests a second, {self.burst} at once, allows nothing")

    @classmethod
    def within(cls, limit_per_s: float) -> "Allowance":
        """Return the allowance that never spends more than ``limit_per_s`` in any one second, bursts included."""
        burst = max(1, int(limit_per_s * _BURST))
        return cls(limit_per_s - burst + 1 if burst > 1 else limit_per_s, burst)

    def part(self, share: float) -> "Allowance":
        """Return ``share`` of this allowance."""
        return Allowance(self.per_s * share, max(1, int(self.burst * share)))


class LocalBucket:
    """The same bucket within one process."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._full_at_s = 0.0

    def take(self, count: int, *, now_s: float, most_wait_s: float) -> tuple[bool, float]:
        """Return whether the turn is ours, and how far off it is in seconds."""
        interval_s = 1 / self._allowance.per_s
        full_at_s = max(self._full_at_s, now_s) + count * interval_s
        wait_s = max(0.0, full_at_s - self._allowance.burst * interval_s - now_s)
        if wait_s > most_wait_s:
            return False, wait_s
        self._full_at_s = full_at_s
        return True, wait_s


class Budget:
    """The budget called ``name``; while Redis is away each process takes half of it on its own, and says so."""

    def __init__(
        self,
        name: str,
        allowance: Allowance,
        *,
        redis: "redis.asyncio.Redis | None",
        most_wait_s: float = MOST_WAIT_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.allowance = allowance
        self.waited_s = 0.0
        self.taken = 0
        self._store = SharedStore(redis, purpose=f"budget of {name}")
        self._alone = LocalBucket(allowance.part(ALONE))
        self._most_wait_s = most_wait_s
        self._sleep = sleep

    @property
    def is_shared(self) -> bool:
        """Whether all processes spend from one bucket at present."""
        return self._store.is_there

    async def take(self, count: int = 1) -> None:
        """Wait until ``count`` requests may go out. Raises: Unreachable, nothing spent, if that is too far off."""
        is_ours, wait_s = await self._turn(count)
        if not is_ours:
            raise Unreachable(f"the budget of {self.name} is spent: the next turn comes in {wait_s:.1f} s")
        self.taken += count
        self.waited_s += wait_s
        if wait_s:
            await self._sleep(wait_s)

    async def _turn(self, count: int) -> tuple[bool, float]:
        try:
            is_ours, wait_us = await self._store.ask(lambda client: self._take_shared(client, count))
        except Unreachable:
            return self._alone.take(count, now_s=time.monotonic(), most_wait_s=self._most_wait_s)
        return bool(is_ours), wait_us / 1e6

    async def _take_shared(self, client: "redis.asyncio.Redis", count: int) -> tuple[int, int]:
        interval_us = 1e6 / self.allowance.per_s
        arguments = [interval_us, self.allowance.burst, count, self._most_wait_s * 1e6]
        answer: Any = await client.register_script(_TAKE)(keys=[budget_key(self.name)], args=arguments)
        return int(answer[0]), int(answer[1])


def budget_key(name: str) -> str:
    """Return the Redis key of a budget."""
    return f"arb:budget:{name}"
