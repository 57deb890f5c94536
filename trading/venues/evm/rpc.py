"""One chain through several nodes: the next answer comes from a sound node within a second, and never a wrong one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

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
from trading.venues.evm.shared_calls import Ask, SharedCalls, key_of

Check: TypeAlias = Callable[[Any], object]

KEPT_BLOCK_S = 60.0
KEPT_LASTING_S = 3600.0
CONNECTIONS_PER_NODE = 16
ROUNDS = 3  # through all nodes, while some of them only lack the block yet
PAUSE_S = 0.1
_GENESIS = Call("eth_getBlockByNumber", ("0x0", False))


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
        self._genesis_hash: str | None = None
        self._failed_over = 0

    async def call(
        self,
        method: str,
        params: Sequence[Any] = (),
        *,
        at: Block | str | None = None,
        lasting: bool = False,
        check: Check | None = None,
    ) -> Any:
        """Return the result of one call, read at the block ``at`` (or of that hash) where one is given.

        A result that ``check`` raises ValueError for counts as none. ``lasting`` says that the answer never changes
        on this chain. Raises: Reverted, Refused, Unreachable, BadInput.
        """
        (result,) = await self._answers([Call(method, tuple(params))], at, lasting=lasting, check=check)
        if isinstance(result, Reverted):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], *, at: Block | str | None = None, lasting: bool = False) -> list[Any]:
        """Return one result per call, all from one node; a Reverted stands in the place of its answer."""
        return await self._answers(list(calls), at, lasting=lasting, check=None) if calls else []

    async def head(self) -> Block:
        """Return the best head that a sound node has now, every node asked at once. Raises: Unreachable."""
        return await self._heads.head()

    async def block(self, which: int | str) -> Block:
        """Return the header of a block by number or hash. Raises: Refused if no node has it, Unreachable."""
        if isinstance(which, int):
            fields = await self.call("eth_getBlockByNumber", (hex(which), False))
        else:
            fields = await self.call("eth_getBlockByHash", (which, False))
        if fields is None:
            raise Refused(f"{self._settings.name}: no node has block {which}")
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

    async def _answers(
        self, calls: list[Call], at: Block | str | None, *, lasting: bool, check: Check | None
    ) -> list[Any]:
        for call in calls:
            check_reads(call)
        block_hash = at.hash if isinstance(at, Block) else at
        if lasting:
            ask = partial(self._ask_at, calls, block_hash, check)
            key, keep_s = key_of(await self._identity(), calls), KEPT_LASTING_S
            return await self._kept(key, calls, ask, keep_s=keep_s, check=check)
        calls_at = await self._at_block(calls, block_hash)
        ask = partial(self._ask, calls_at, check)
        if not all(map(is_of_one_block, calls_at)):
            return await ask()
        key = key_of(str(self._settings.chain_id), calls_at)
        return await self._kept(key, calls_at, ask, keep_s=KEPT_BLOCK_S, check=check)

    async def _kept(self, key: str, calls: list[Call], ask: Ask, *, keep_s: float, check: Check | None) -> list[Any]:
        results = await self._shared.answers(key, ask, keep_s=keep_s, is_kept=partial(_is_worth_keeping, calls))
        return results if _passes(results, check) else await ask()  # another asker's check may have let it pass

    async def _ask_at(self, calls: list[Call], block_hash: str | None, check: Check | None) -> list[Any]:
        return await self._ask(await self._at_block(calls, block_hash), check)

    async def _at_block(self, calls: list[Call], block_hash: str | None) -> list[Call]:
        """Return ``calls`` at the block of that hash; without one, those of the latest at the head."""
        if block_hash is not None:
            return [pinned(call, block_hash) for call in calls]
        if not any(map(is_of_latest, calls)):
            return calls
        head = await self._heads.recent_head()
        return [pinned(call, head.hash) if is_of_latest(call) else call for call in calls]

    async def _identity(self) -> str:
        """Return what tells this chain from every other, one restarted under the same id included."""
        if self._genesis_hash is None:
            (genesis,) = await self._ask([_GENESIS], None)
            self._genesis_hash = block_of(genesis).hash if genesis else uuid4().hex  # unknown: told to nobody
        return f"{self._settings.chain_id}:{self._genesis_hash}"

    async def _ask(self, calls: list[Call], check: Check | None) -> list[Any]:
        """Return what the first sound node answers. Raises: Refused, Unreachable."""
        left = ROUNDS
        while (outcome := await self._race(calls, check)).results is None:
            left -= 1
            if not left or not any(fault.reason == "lacks_block" for fault in outcome.faults.values()):
                raise self._failure(calls, outcome)
            await asyncio.sleep(PAUSE_S)  # the node that told of the block may be a step ahead of the others
        return outcome.results

    async def _race(self, calls: list[Call], check: Check | None) -> Outcome:
        nodes = await self._in_order(calls)
        race = Race(
            nodes,
            partial(_attempt, calls, check),
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


async def _attempt(calls: list[Call], check: Check | None, node: Endpoint) -> list[Any]:
    results = await node.ask(calls)
    if not _passes(results, check):
        fault = NodeFault("unsound", f"of {calls[0].method}")
        node.note_failure([call.method for call in calls], fault)
        raise fault
    return results


def _passes(results: list[Any], check: Check | None) -> bool:
    if check is None:
        return True
    try:
        for result in results:
            if not isinstance(result, Reverted):
                check(result)
    except ValueError:
        return False
    return True


def _is_worth_keeping(calls: list[Call], results: list[Any]) -> bool:
    return len(calls) == len(results) and _is_certain(results) and all(map(is_sound, calls, results))


def _is_doubtful(results: list[Any]) -> bool:
    """Whether another node is asked as well: one whose eth_call alone fails may call that a revert."""
    return not _is_certain(results) or any(isinstance(result, Reverted) for result in results)


def _is_certain(results: list[Any]) -> bool:
    return not any(result is None or result == EMPTY for result in results)
