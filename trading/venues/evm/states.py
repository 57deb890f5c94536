"""The states of a chain's pools: read whole at a block, or brought to the next block by its events."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from domain.errors import BadMarketData
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.pools import Reserves, pack_reserves, read_reserves
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.v3 import Curve, Spot, after, pack_spots, read_curve, read_spots, spot_of
from trading.venues.evm.wire import TOPICS, Event, Log, Synced, event_of, parse_logs
from trading.venues.identity import Pool

States: TypeAlias = Mapping[str, Reserves | Curve]  # by address in small letters
Spots: TypeAlias = Mapping[str, Reserves | Spot]


@dataclass(frozen=True, slots=True)
class Watched:
    """The pools of one chain that are kept; each V3 pool with the spacing of its ticks."""

    multicall3: str
    v2: tuple[Pool, ...]
    v3: Mapping[Pool, int]

    @property
    def addresses(self) -> list[str]:
        """Return every pool's address."""
        return [pool.address for pool in (*self.v2, *self.v3)]


class StateReader:
    """Reads the states of the watched pools; what it asks is packed once."""

    def __init__(self, rpc: Rpc, watched: Watched) -> None:
        self._rpc = rpc
        self._watched = watched
        self._v3 = tuple(watched.v3)
        self._reserves = pack_reserves(watched.multicall3, watched.v2)
        self._spots = pack_spots(watched.multicall3, self._v3)
        self._filter: dict[str, Any] = {
            "address": watched.addresses,
            "topics": [[f"0x{topic:064x}" for topic in TOPICS]],
        }

    async def read(self, at: Block) -> States:
        """Return every state, read whole. Raises: Refused, Unreachable, BadMarketData."""
        states: dict[str, Reserves | Curve] = {}
        states |= await read_reserves(self._rpc, self._reserves, self._watched.v2, at=at)
        for pool, spacing in self._watched.v3.items():
            curve = await read_curve(self._rpc, self._watched.multicall3, pool, tick_spacing=spacing, at=at)
            states[pool.address.lower()] = curve
        return states

    async def spots(self, at: Block) -> Spots:
        """Return every pool's reserves, or price and liquidity, as the contracts tell them at a block.

        Raises: Refused, Unreachable, BadMarketData.
        """
        reserves, spots = await asyncio.gather(
            read_reserves(self._rpc, self._reserves, self._watched.v2, at=at),
            read_spots(self._rpc, self._spots, self._v3, at=at),
        )
        return {**reserves, **spots}

    async def logs(self, block: Block) -> Sequence[Log]:
        """Return what the pools logged in one block. Raises: Refused, Unreachable, BadMarketData."""
        if not self._watched.addresses:
            return ()
        rows = await self._rpc.call("eth_getLogs", [{"blockHash": block.hash, **self._filter}])
        return parse_logs(rows, block_hash=block.hash)


def agrees(states: States, spots: Spots) -> bool:
    """Return whether states that events led to are what the contracts tell, and every curve's ticks fit its liquidity.

    A position out of range that no event told of shows once the price comes to it.
    """
    if spots != {key: spot_of(state) if isinstance(state, Curve) else state for key, state in states.items()}:
        return False
    return all(state.is_whole for state in states.values() if isinstance(state, Curve))


def advance(states: States, logs: Iterable[Log]) -> States:
    """Return the states after the logs of one block. Raises: BadMarketData ``torn`` if they cannot follow."""
    found = dict(states)
    for log in logs:
        event, state = event_of(log), found.get(log.address)
        if event is not None and state is not None:
            found[log.address] = _after(state, event)
    return found


def _after(state: Reserves | Curve, event: Event) -> Reserves | Curve:
    if isinstance(state, Reserves) and isinstance(event, Synced):
        return Reserves(event.reserve0, event.reserve1)
    if isinstance(state, Curve) and not isinstance(event, Synced):
        return after(state, event)
    raise BadMarketData("torn", f"{type(event).__name__} out of a pool of the other kind")
