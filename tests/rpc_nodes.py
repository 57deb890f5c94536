"""A chain and two nodes that serve it, either of which may misbehave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from domain.secret import Secret
from simulator.chain.faulty_node import FaultyNode, faulty_node
from simulator.chain.toy_chain import ToyChain
from trading.venues.evm.rpc import Rpc, open_rpc
from trading.venues.evm.rpc_settings import RpcSettings

KEY = "a-key-that-nobody-may-see"
TO = "0x" + "ab" * 20
DATA = "0x0902f1ac"
QUESTION = [{"to": TO, "data": DATA}]


@dataclass
class Nodes:
    """Two nodes of one chain, best first."""

    chain: ToyChain
    first: FaultyNode
    second: FaultyNode

    def truth(self) -> str:
        """Return what a call answers at the head."""
        return self.chain.call_result(self.chain.head.hash, TO, DATA)


@asynccontextmanager
async def two_nodes() -> AsyncIterator[Nodes]:
    chain = ToyChain()
    async with faulty_node(chain) as first, faulty_node(chain) as second:
        yield Nodes(chain, first, second)


@asynccontextmanager
async def rpc_to(*nodes: FaultyNode, redis: "redis.asyncio.Redis | None" = None, **settings: Any) -> AsyncIterator[Rpc]:
    """Open a client whose addresses hold a key; heads are never kept, so that each "latest" is the newest."""
    urls = tuple(Secret(f"{node.url}/v2/{KEY}") for node in nodes)
    usual = {"chain_id": 31337, "requests_per_s": 10_000.0, "head_age_s": 0.0, "attempt_s": 60.0, "deadline_s": 60.0}
    async with open_rpc(RpcSettings("ethereum", urls=urls, **{**usual, **settings}), redis=redis) as rpc:
        yield rpc
