"""One chain through several nodes: the next answer comes from a sound node within a second, and never a wrong one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import redis.asyncio

from domain.errors import Refused, Unreachable
from trading.venues.budget import Allowance, Budget
from trading.venues.evm.endpoints import Endpoint, EndpointStatus
from trading.venues.evm.jsonrpc import Block, Call, NodeFault, Reverted, block_of
from trading.venues.evm.methods import EMPTY, check_reads, is_of_latest, is_of_one_block, is_sound, needs_head, pinned
from trading.venues.evm.node_heads import NodeHeads
from trading.venues.evm.racing import Outcome, Race
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.evm.shared_calls import SharedCalls, key_of

CONNECTIONS_PER_NODE = 16
ROUNDS = 3  # through all nodes, while some of them only lack the block yet
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class RpcCounts:
    """What was asked since the start: exchanges with nodes, questions that needed none, answers of a later node."""

    asked: int
    shared: int
    failed_over: int
    waited_ms: float  # for the budget
    is_budget_shared: bool
    are_answers_shared: bool


@asynccontextmanager
async def open_rpc(settings: RpcSettings, *, redis: "redis.asyncio.Redis | None") -> AsyncIterator["Rpc"]:
    """Open kept connections to every node for the time of the block."""
    connector = aiohttp.TCPConnector(limit_per_host=CONNECTIONS_PER_NODE, keepalive_timeout=60, ttl_dns_cache=300)
    timeout = aiohttp.ClientTimeout(total=settings.attempt_s)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
        rpc = Rpc(settings, session, redis=redis)
        try:
            yield rpc
        finally:
            await rpc.close()


class Rpc:
    """Reads from one chain; the errors it raises are Refused (Reverted is one), Unreachable and BadInput alone."""

    def __init__(
        self, settings: RpcSettings, session: aiohttp.ClientSession, *, redis: "redis.asyncio.Redis | None"
    ) -> None:
        self._settings = settings
        self._nodes = [Endpoint(url, session, settings=settings) for url in settings.urls]
        self._budget = Budget(f"rpc:{settings.name}", Allowance.within(settings.requests_per_s), redis=redis)
        self._heads = NodeHeads(self._nodes, settings, self._budget)
        self._shared = SharedCalls(redis, chain=settings.name)
        self._failed_over = 0

    async def call(self, method: str, params: Sequence[Any] = (), *, at: Block | str | None = None) -> Any:
        """Return the result of one call, read at the block ``at`` (or of that hash) where one is given.

        Raises: Reverted, Refused, Unreachable, BadInput.
        """
        (result,) = await self._answers([Call(method, tuple(params))], at)
        if isinstance(result, Reverted):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], *, at: Block | str | None = None) -> list[Any]:
        """Return one result per call, all from one node; a Reverted stands in the place of its answer."""
        return await self._answers(calls, at) if calls else []

    async def head(self) -> Block:
        """Return the best head that a sound node has now, every node asked at once. Raises: Unreachable."""
        return await self._heads.head()

    async def block(self, block_hash: str) -> Block:
        """Return the header of a block. Raises: Refused if no node has it, Unreachable."""
        fields = await self.call("eth_getBlockByHash", (block_hash, False))
        if fields is None:
            raise Refused(f"{self._settings.name}: no node has block {block_hash}")
        return block_of(fields)

    def status(self) -> tuple[EndpointStatus, ...]:
        """Return how each node is doing, in the configured order."""
        return tuple(map(self._heads.status, self._nodes))

    def counts(self) -> RpcCounts:
        """Return the counts as they stand."""
        return RpcCounts(
            asked=sum(node.asked for node in self._nodes),
            shared=self._shared.hits,
            failed_over=self._failed_over,
            waited_ms=round(self._budget.waited_s * 1000, 1),
            is_budget_shared=self._budget.is_shared,
            are_answers_shared=self._shared.is_shared,
        )

    async def close(self) -> None:
        """End what still runs in the background."""
        await self._heads.close()
        await self._shared.close()

    async def _answers(self, asked: Sequence[Call], at: Block | str | None) -> list[Any]:
        for call in asked:
            check_reads(call)
        calls = await self._at_block(asked, at.hash if isinstance(at, Block) else at)
        ask = partial(self._ask, calls)
        if not all(map(is_of_one_block, calls)):
            return await ask()
        key = key_of(self._settings.chain_id, calls)
        return await self._shared.answers(key, ask, is_kept=partial(_is_worth_keeping, calls))

    async def _at_block(self, calls: Sequence[Call], block_hash: str | None) -> list[Call]:
        """Return ``calls`` at the block of that hash; without one, those of the latest at the head."""
        if block_hash is not None:
            return [pinned(call, block_hash) for call in calls]
        if not any(map(is_of_latest, calls)):
            return list(calls)
        head = await self._heads.recent_head()
        return [pinned(call, head.hash) if is_of_latest(call) else call for call in calls]

    async def _ask(self, calls: list[Call]) -> list[Any]:
        """Return what the first sound node answers. Raises: Refused, Unreachable."""
        left = ROUNDS
        while (outcome := await self._race(calls)).results is None:
            left -= 1
            if not left or not any(fault.reason == "lacks_block" for fault in outcome.faults.values()):
                raise self._failure(calls, outcome)
            await asyncio.sleep(PAUSE_S)  # the node that told of the block may be a step ahead of the others
        return outcome.results

    async def _race(self, calls: list[Call]) -> Outcome:
        nodes = await self._in_order(calls)
        race = Race(
            nodes,
            lambda node: node.ask(calls),
            before_each=lambda: self._budget.take(len(calls) + 1),
            is_doubtful=_is_doubtful,
            hedge_s=self._settings.hedge_s,
            deadline_s=self._settings.deadline_s,
        )
        outcome = await race.run()
        for node in outcome.slow:
            node.note_failure([call.method for call in calls], NodeFault("slow"))
        if outcome.winner is not None and outcome.winner is not self._nodes[0]:
            self._failed_over += 1
        return outcome

    async def _in_order(self, calls: list[Call]) -> list[Endpoint]:
        """Return the nodes that may answer, those in order first. Raises: Unreachable if there is none."""
        nodes = [node for node in self._nodes if not node.is_of_another_chain and not node.is_barred]
        if any(map(needs_head, calls)):
            await self._heads.recent_head()
            nodes = [node for node in nodes if not self._heads.lags(node)]
        if not nodes:
            raise Unreachable(f"{self._settings.name}: no node may be asked: {self._heads.why()}")
        methods = [call.method for call in calls]
        return sorted(nodes, key=lambda node: node.is_resting(methods))

    def _failure(self, calls: list[Call], outcome: Outcome) -> Refused | Unreachable:
        faults = list(outcome.faults.values())
        asked = ", ".join(sorted({call.method for call in calls}))
        if faults and all(fault.is_of_the_question for fault in faults):
            return Refused(f"{self._settings.name}: {asked}: {faults[0]}")
        told = "; ".join(f"{node.name} {fault}" for node, fault in outcome.faults.items())
        return Unreachable(f"{self._settings.name}: no node answers {asked}: {told or 'none in time'}")


def _is_worth_keeping(calls: list[Call], results: list[Any]) -> bool:
    return len(calls) == len(results) and _is_certain(results) and all(map(is_sound, calls, results))


def _is_doubtful(results: list[Any]) -> bool:
    """Whether another node is asked as well: one whose eth_call alone fails may call that a revert."""
    return not _is_certain(results) or any(isinstance(result, Reverted) for result in results)


def _is_certain(results: list[Any]) -> bool:
    return not any(result is None or result == EMPTY for result in results)
