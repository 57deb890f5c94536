"""Where each node's head is, which is the best, and which nodes lag behind it."""

import asyncio
import time
from collections.abc import Iterable, Sequence

from domain.errors import Unreachable
from trading.venues.budget import Budget
from trading.venues.evm.endpoints import EVERYTHING, Endpoint, EndpointStatus
from trading.venues.evm.jsonrpc import Block, NodeFault
from trading.venues.evm.rpc_settings import RpcSettings

REQUESTS_OF_A_LOOK = 2  # the chain's id and the head


class NodeHeads:
    """Asks every node for its head at once; a look under way serves whoever asks meanwhile."""

    def __init__(self, nodes: Sequence[Endpoint], settings: RpcSettings, budget: Budget) -> None:
        self._nodes = nodes
        self._settings = settings
        self._budget = budget
        self._at_nodes: dict[Endpoint, asyncio.Task[None]] = {}
        self._around: asyncio.Task[Block] | None = None

    async def head(self) -> Block:
        """Return the best head that a sound node has now. Raises: Unreachable."""
        if self._around is None or self._around.done():
            self._around = asyncio.create_task(self._look_around(), name=f"{self._settings.name}-look")
            self._around.add_done_callback(lambda look: look.cancelled() or look.exception())  # the asker may have left
        return await asyncio.shield(self._around)

    async def recent_head(self) -> Block:
        """Return the best head if it was heard just now, else look again. Raises: Unreachable."""
        heard = self._best_since(time.monotonic() - self._settings.head_age_s)
        return heard or await self.head()

    def best_number(self) -> int | None:
        """Return the highest head heard lately, None where no node told one."""
        since_s = time.monotonic() - self._settings.forget_s
        return max((node.head.number for node in self._heard(since_s) if node.head), default=None)

    def lags(self, node: Endpoint) -> bool:
        """Return whether ``node`` is behind the others, or not known to be with them."""
        best = self.best_number()
        return node.head is None or (best is not None and best - node.head.number > self._settings.max_lag_blocks)

    def status(self, node: Endpoint) -> EndpointStatus:
        """Return how ``node`` is doing beside the others."""
        return node.status(best_number=self.best_number())

    def why(self) -> str:
        """Return what is wrong with each node in one line."""
        return "; ".join(f"{node.name} {self.status(node).reason or 'has not answered'}" for node in self._nodes)

    async def close(self) -> None:
        """End the looks that are under way."""
        tasks: list[asyncio.Task[Block] | asyncio.Task[None]] = [*self._at_nodes.values()]
        tasks += [self._around] if self._around else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_around(self) -> Block:
        began_s = time.monotonic()
        fresh = [await self._begin(node) for node in self._nodes if node not in self._at_nodes and not node.is_barred]
        prompt = [task for node, task in fresh if not node.is_resting([])]
        await self._wait(prompt, began_s, most_s=self._settings.hedge_s)
        if self._best_since(began_s) is None:
            await self._wait(self._at_nodes.values(), began_s, most_s=self._settings.look_s + self._settings.grace_s)
        head = self._best_since(began_s)
        if head is None:
            raise Unreachable(f"{self._settings.name}: no node tells the head: {self.why()}")
        return head

    async def _begin(self, node: Endpoint) -> tuple[Endpoint, "asyncio.Task[None]"]:
        await self._budget.take(REQUESTS_OF_A_LOOK)
        task = asyncio.create_task(self._look_at(node), name=f"{node.name}-head")
        self._at_nodes[node] = task
        return node, task

    async def _look_at(self, node: Endpoint) -> None:
        try:
            async with asyncio.timeout(self._settings.look_s):
                await node.look()
        except TimeoutError:
            node.note_failure([EVERYTHING], NodeFault("timeout"))
        except NodeFault:
            return  # the node has counted it
        finally:
            del self._at_nodes[node]

    async def _wait(self, tasks: "Iterable[asyncio.Task[None]]", began_s: float, *, most_s: float) -> None:
        """Wait for all; once one node has told a good head, the others have a moment left."""
        pending = set(tasks)
        ends_at_s = began_s + most_s
        while pending:
            left_s = max(0.0, ends_at_s - time.monotonic())
            done, pending = await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return
            if self._best_since(began_s):
                ends_at_s = min(ends_at_s, time.monotonic() + self._settings.grace_s)

    def _best_since(self, since_s: float) -> Block | None:
        heads = [node.head for node in self._heard(since_s) if node.head and not self.lags(node)]
        return max(heads, key=lambda head: head.number, default=None)

    def _heard(self, since_s: float) -> list[Endpoint]:
        return [node for node in self._nodes if node.head_at_s >= since_s and not node.is_of_another_chain]
