"""How long the next answer of a chain takes when its first node is in trouble.

    python -m benchmarks.rpc_failover [--answers 20] [--redis URL]

Two nodes of ours on loopback; the first feels each trouble in every method and in eth_call alone, from the start and
after it was known to be sound. Every answer is held against the chain's own.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product

import redis.asyncio

from domain.secret import Secret
from simulator.chain.faulty_node import FaultyNode, Trouble, faulty_node
from simulator.chain.toy_chain import ToyChain
from trading.venues.evm.rpc import Rpc, open_rpc
from trading.venues.evm.rpc_settings import RpcSettings

MOST_S = 1.0
TO = "0x" + "ab" * 20
TROUBLES: dict[Trouble, Sequence[float]] = {
    Trouble.HANG: (0,),
    Trouble.SLOW: (5,),
    Trouble.CUT_OFF: (0,),
    Trouble.STATUS: (500, 502, 403),
    Trouble.TOO_MANY: (5,),
    Trouble.HTML: (0,),
    Trouble.TRUNCATED: (0,),
    Trouble.EMPTY: (0,),
    Trouble.WRONG_ID: (0,),
    Trouble.ERROR: (-32603, -32000, -32601),
    Trouble.NULL: (0,),
    Trouble.BEHIND: (10,),
    Trouble.OTHER_CHAIN: (56,),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One trouble; None is a node that is not there at all."""

    trouble: Trouble | None
    value: float
    methods: tuple[str, ...]
    is_from_the_start: bool

    def __str__(self) -> str:
        name = "dead" if self.trouble is None else f"{self.trouble} {self.value:g}"
        felt = "eth_call alone" if self.methods else "every method"
        return f"{name:<16} {felt:<15} {'from the start' if self.is_from_the_start else 'mid-way'}"


def main() -> int:
    """Run every case once, print, and return 0 where no answer was wrong or late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--redis", default="")
    told = parser.parse_args()
    worst_s, wrong = 0.0, 0
    for case in cases():
        slowest_s, wrong_here = asyncio.run(run(case, told.answers, told.redis))
        print(f"{case}  slowest {slowest_s * 1000:7.1f} ms  wrong {wrong_here}")
        worst_s, wrong = max(worst_s, slowest_s), wrong + wrong_here
    print(f"slowest answer of all {worst_s * 1000:.0f} ms, at most {MOST_S * 1000:.0f}; wrong answers {wrong}")
    return 0 if worst_s <= MOST_S and not wrong else 1


def cases() -> Iterator[Case]:
    """Return every trouble, felt in every way."""
    for is_from_the_start in (False, True):
        yield Case(None, 0, (), is_from_the_start)
        for methods, (trouble, values) in product(((), ("eth_call",)), TROUBLES.items()):
            yield from (Case(trouble, value, methods, is_from_the_start) for value in values)


async def run(case: Case, answers: int, redis_url: str) -> tuple[float, int]:
    """Return the slowest answer in seconds, and how many were wrong."""
    chain = ToyChain(genesis=f"{case} {time.time_ns()}")  # no answer of an earlier run is one of this
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(faulty_node(chain)) for _ in range(2)]
        if case.is_from_the_start:
            await strike(first, case)
        client = redis.asyncio.Redis.from_url(redis_url) if redis_url else None
        urls = (Secret(first.url), Secret(second.url))
        settings = RpcSettings("bench", 31337, urls, requests_per_s=100_000, head_age_s=0.0)
        rpc = await stack.enter_async_context(open_rpc(settings, redis=client))
        if not case.is_from_the_start:
            await ask(rpc, chain)
            await strike(first, case)
        looked = [await ask(rpc, chain) for _ in range(answers)]
        if client is not None:
            await client.aclose()
    return max(took_s for took_s, _ in looked), sum(not is_right for _, is_right in looked)


async def strike(node: FaultyNode, case: Case) -> None:
    """Let the trouble begin."""
    if case.trouble is None:
        await node.stop()
    else:
        node.suffer(case.trouble, case.value, methods=case.methods)


async def ask(rpc: Rpc, chain: ToyChain) -> tuple[float, bool]:
    """Return how long an answer at a new head took, and whether it is the chain's own."""
    head = chain.mine()
    began_s = time.perf_counter()
    answer = await rpc.call("eth_call", [{"to": TO, "data": "0x"}])
    return time.perf_counter() - began_s, answer == chain.call_result(head.hash, TO, "0x")


if __name__ == "__main__":
    sys.exit(main())
