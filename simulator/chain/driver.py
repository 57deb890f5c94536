"""Leads the local chain in real time; a node that dies is started anew."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from domain.errors import Refused, Unreachable
from domain.market import MarketKey
from simulator.chain.blocks import Blocks
from simulator.chain.node import Node
from simulator.chain.world import World

BLOCKS_PER_NODE = 20_000  # a node's memory grows by some 30 kB a block
_log = logging.getLogger(__name__)


class ChainDriver:
    """One chain with a block a second, at the second."""

    def __init__(
        self, world: World, prices: Callable[[], Mapping[MarketKey, float]], *, seed: int, port: int = 0
    ) -> None:
        self._world = world
        self._pools = world.pools
        self._prices = prices
        self._seed = seed
        self._port = port
        self._node: Node | None = None
        self._blocks: Blocks | None = None

    @property
    def deployment_file(self) -> Path:
        """Return the file of tokens and pools."""
        return self._world.deployment_file

    @property
    def node(self) -> Node:
        """Return the node that was started last."""
        assert self._node is not None
        return self._node

    async def start(self) -> None:
        """Start the node. Raises: Unreachable if it does not answer."""
        await asyncio.to_thread(self._start)

    async def run(self) -> None:
        """Lead the chain until cancelled."""
        while True:
            at_s = int(time.time()) + 1
            await asyncio.sleep(at_s - time.time())
            try:
                await asyncio.to_thread(self._advance, at_s)
            except (Unreachable, Refused) as error:
                _log.warning("chain_block_missed: %s", error)

    def stop(self) -> None:
        """End the node."""
        if self._node is not None:
            self._node.kill()

    def _start(self) -> None:
        self._node = self._world.start(port=self._port, is_mined_by_hand=True)
        self._port = self._node.port
        self._blocks = Blocks(self._node, self._pools, seed=self._seed)

    def _advance(self, at_s: int) -> None:
        if self._blocks is None or self._blocks.mined >= BLOCKS_PER_NODE or not self.node.is_running:
            self._blocks = None
            self.stop()
            self._start()
        assert self._blocks is not None
        self._blocks.mine(self._prices(), at_s=at_s)
