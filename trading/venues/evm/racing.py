"""One question, several nodes: each is asked once those before it failed or were slow; the first sound answer wins."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from domain.errors import Unreachable
from trading.venues.evm.endpoints import Endpoint
from trading.venues.evm.jsonrpc import NodeFault

Attempt: TypeAlias = Callable[[Endpoint], Awaitable[list[Any]]]


@dataclass(slots=True)
class Outcome:
    """What came of a race: the answer and whose it is, else what was wrong with each node."""

    results: list[Any] | None = None
    winner: Endpoint | None = None
    is_certain: bool = False
    faults: dict[Endpoint, NodeFault] = field(default_factory=dict)
    slow: list[Endpoint] = field(default_factory=list)  # too slow to be waited for


class Race:
    """One question to ``nodes``, best first; ``before_each`` is awaited before a node is asked, and may forbid it."""

    def __init__(
        self,
        nodes: Sequence[Endpoint],
        attempt: Attempt,
        *,
        before_each: Callable[[], Awaitable[None]],
        is_doubtful: Callable[[list[Any]], bool],
        hedge_s: float,
        deadline_s: float,
    ) -> None:
        self._waiting = deque(nodes)
        self._attempt = attempt
        self._before_each = before_each
        self._is_doubtful = is_doubtful
        self._hedge_s = hedge_s
        self._ends_at_s = time.monotonic() + deadline_s
        self._running: dict[asyncio.Task[list[Any]], Endpoint] = {}
        self._began_s: dict[Endpoint, float] = {}
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        """Return the first sound answer; a doubtful one only where no node gives a better. Raises as before_each."""
        try:
            while not self._outcome.is_certain and (self._waiting or self._running):
                await self._start_next()
                if not await self._wait() and not self._waiting:
                    break
        finally:
            await self._stop()
        return self._outcome

    async def _start_next(self) -> None:
        if not self._waiting:
            return
        if not self._running:
            await self._before_each()
        node = self._waiting.popleft()
        self._running[asyncio.ensure_future(self._ask(node, beside=bool(self._running)))] = node

    async def _ask(self, node: Endpoint, *, beside: bool) -> list[Any]:
        if beside:
            await self._before_each()  # here, so that an answer from the others is not kept waiting for it
        self._began_s[node] = time.monotonic()
        return await self._attempt(node)

    async def _wait(self) -> bool:
        """Take what arrives before the next node's turn, and return whether anything did.

        With a doubtful answer in hand a better one is waited for no longer than a node's turn.
        """
        left_s = self._ends_at_s - time.monotonic()
        is_hurried = self._waiting or self._outcome.results is not None
        timeout_s = min(self._hedge_s, left_s) if is_hurried else left_s
        done, _ = await asyncio.wait(self._running, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._take(self._running.pop(task), task)
        return bool(done)

    def _take(self, node: Endpoint, task: "asyncio.Task[list[Any]]") -> None:
        try:
            results = task.result()
        except NodeFault as fault:
            self._outcome.faults[node] = fault
            return
        except Unreachable as forbidden:
            self._outcome.faults[node] = NodeFault("not_asked", str(forbidden))
            return
        is_certain = not self._is_doubtful(results)
        if self._outcome.results is None or (is_certain and not self._outcome.is_certain):
            self._outcome.results, self._outcome.winner, self._outcome.is_certain = results, node, is_certain

    async def _stop(self) -> None:
        now_s = time.monotonic()
        self._outcome.slow = [
            node for node in self._running.values() if now_s - self._began_s.get(node, now_s) >= self._hedge_s
        ]
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
