"""Makes the blocks of a led chain: in each, a trader takes every pool to its price, and a crowd uses gas."""

from collections.abc import Mapping
from random import Random

from domain.market import MarketKey
from simulator.chain.account import Account
from simulator.chain.crowd import LEVEL_WEI, Crowd
from simulator.chain.deployment import Pool
from simulator.chain.node import Node
from simulator.chain.swaps import Call, towards

GAS_LIMIT = 3_000_000  # small blocks: a few swaps weigh in them as hundreds do in a real one
_SWAP_GAS = 120_000
_LEAST_BPS = 2.0  # smaller differences are left alone


class Blocks:
    """Blocks on one node, which mines by hand."""

    def __init__(self, node: Node, pools: Mapping[MarketKey, Pool], *, seed: int) -> None:
        self.mined = 0
        self._client = node.client
        self._pools = pools
        self._crowd = Crowd(Random(f"{seed}:crowd"), gas_limit=GAS_LIMIT)
        self._trader, self._others = (Account(self._client, one) for one in self._client.rpc("eth_accounts")[1:3])
        self._client.rpc("evm_setBlockGasLimit", hex(GAS_LIMIT))
        self._client.rpc("anvil_setNextBlockBaseFeePerGas", hex(LEVEL_WEI))

    def mine(self, prices: Mapping[MarketKey, float], *, at_s: int) -> None:
        """Mine the block of the second ``at_s``, unless the chain has one. Raises: Unreachable, Refused."""
        head = self._client.rpc("eth_getBlockByNumber", "latest", False)
        if int(head["timestamp"], 16) >= at_s:
            return
        swaps = self._swaps_to(prices)
        for call in swaps:
            self._trader.post(call.to, call.signature, *call.args)
        gas = self._crowd.gas_beside(len(swaps) * _SWAP_GAS, base_fee_wei=int(head["baseFeePerGas"], 16))
        if gas:
            self._others.burn(gas)
        self._client.rpc("evm_setNextBlockTimestamp", hex(at_s))
        self._client.rpc("evm_mine")
        self.mined += 1

    def _swaps_to(self, prices: Mapping[MarketKey, float]) -> list[Call]:
        receiver = self._trader.address
        due = (
            towards(self._client, pool, prices[key], receiver, least_bps=_LEAST_BPS)
            for key, pool in self._pools.items()
        )
        return [call for call in due if call is not None]
