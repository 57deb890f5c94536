"""Constant-product pools: how their reserves are read at a block, and what they are as a market."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.errors import BadMarketData
from domain.market import PoolState
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.multicall import Packed, Read, pack, read_all
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.wire import GET_RESERVES, reserves_of
from trading.venues.identity import Pool


class Reserves(NamedTuple):
    """What a pool holds, in the contract's own order."""

    reserve0: int
    reserve1: int


class Seen(NamedTuple):
    """When and in which block a state was seen, and what the next block's gas costs."""

    block: Block
    gas_price_wei: int
    venue_at_ns: int
    seen_at_ns: int


def pack_reserves(multicall3: str, pools: Sequence[Pool]) -> Packed:
    """Return the requests that read every pool's reserves."""
    return pack(multicall3, [Read(pool.address, GET_RESERVES) for pool in pools])


async def read_reserves(rpc: Rpc, packed: Packed, pools: Sequence[Pool], *, at: Block) -> dict[str, Reserves]:
    """Return the reserves of every pool by its address in small letters.

    Raises: Refused, Unreachable; BadMarketData if a pool does not tell them.
    """
    found = {}
    for pool, data in zip(pools, await read_all(rpc, packed, at=at), strict=True):
        if data is None:
            raise BadMarketData("reverted", f"{pool} does not tell its reserves")
        found[pool.address.lower()] = Reserves(*reserves_of(data))
    return found


def market_of(pool: Pool, reserves: Reserves, seen: Seen, *, seq: int) -> PoolState:
    """Return a pool as a market of its pair. Raises: BadMarketData ``empty``."""
    base, quote = reserves if pool.base_is_token0 else (reserves.reserve1, reserves.reserve0)
    if base <= 0 or quote <= 0:
        raise BadMarketData("empty", f"{pool} holds {base} and {quote}")
    block = seen.block
    return PoolState(
        venue=pool.venue,
        pair=pool.pair,
        chain_id=pool.base.chain_id,
        address=pool.address,
        base_reserve=base,
        quote_reserve=quote,
        base_decimals=pool.base.decimals,
        quote_decimals=pool.quote.decimals,
        fee_pips=pool.fee_pips,
        block=block.number,
        block_hash=block.hash,
        block_at_ns=block.at_ns,
        gas_price_wei=seen.gas_price_wei,
        venue_at_ns=seen.venue_at_ns,
        seen_at_ns=seen.seen_at_ns,
        seq=seq,
    )
