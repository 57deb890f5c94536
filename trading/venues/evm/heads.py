"""The head of a chain: what its next block's gas costs, and who tells of a new one."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from domain.errors import BadMarketData, Refused
from domain.market import Clock
from trading.venues.connection import Frame
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.wire import quantity
from trading.venues.exact import decode_json
from trading.venues.health import FeedHealth
from trading.venues.identity import POLYGON

_ELASTICITY, _DENOMINATOR = 2, 8
_CHAIN_ID, _SUBSCRIBE, _PING = "chain", "heads", "ping"


def next_base_fee_wei(block: Block, *, chain_id: int) -> int:
    """Return what the block after ``block`` takes per unit of gas; on Polygon the most that it may take.

    Source: EIP-1559; on Polygon producers choose within 5 % of the block before (PIP-79, forum.polygon.technology).
    """
    base = block.base_fee_wei
    if chain_id == POLYGON:
        return base + -(-base // 20)
    target = block.gas_limit // _ELASTICITY
    if target in (block.gas_used, 0):
        return base
    if block.gas_used > target:
        return base + max(base * (block.gas_used - target) // target // _DENOMINATOR, 1)
    return base - base * (target - block.gas_used) // target // _DENOMINATOR


class Nudge:
    """Tells whoever looks at the head that a new one was announced."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Announce a new head."""
        self._told.set()

    async def wait(self, most_s: float) -> None:
        """Return at the next announcement, or after ``most_s``."""
        try:
            async with asyncio.timeout(most_s):
                await self._told.wait()
        except TimeoutError:
            return
        finally:
            self._told.clear()


class HeadConversation:
    """One WebSocket's talk with a node: it says which chain it is on and announces each new head."""

    def __init__(self, chain: str, chain_id: int, nudge: Nudge, *, health: FeedHealth, clock: Clock) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._nudge = nudge
        self._health = health
        self._clock = clock

    def opening(self) -> Sequence[Frame]:
        """Return what is asked first: the chain's id, then the subscription."""
        return (_request(_CHAIN_ID, "eth_chainId"), _request(_SUBSCRIBE, "eth_subscribe", "newHeads"))

    def when_quiet(self) -> Sequence[Frame]:
        """Return a question that any living node answers."""
        return (_request(_PING, "eth_blockNumber"),)

    def answer(self, frame: Frame) -> Sequence[Frame]:
        """Take a message. Raises: Refused if the node is on another chain or announces nothing."""
        try:
            message = decode_json(frame)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            return ()
        if isinstance(message, dict):
            self._take(message)
        return ()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("id") == _CHAIN_ID:
            self._check_chain(message.get("result"))
        elif message.get("id") == _SUBSCRIBE and "result" not in message:
            raise Refused(f"the node at {self._chain}'s WebSocket address announces no heads")
        elif message.get("method") == "eth_subscription":
            now_ns = self._clock.now_ns()
            self._health.sound(venue_at_ns=now_ns, seen_at_ns=now_ns)
            self._nudge.tell()

    def _check_chain(self, told: object) -> None:
        try:
            chain_id = quantity(told)
        except BadMarketData:
            raise Refused(f"the node at {self._chain}'s WebSocket address does not say which chain it is on") from None
        if chain_id != self._chain_id:
            raise Refused(
                f"the node at {self._chain}'s WebSocket address is on chain {chain_id}, not on {self._chain_id}"
            )


def _request(name: str, method: str, *params: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": name, "method": method, "params": params})
