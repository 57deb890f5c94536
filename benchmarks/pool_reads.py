"""What reading many pools costs: one by one with a kept web3.py client, and all at once by Multicall3.

    python -m benchmarks.pool_reads [--pools 100] [--rounds 20]

Runs on a local chain of its own. Every round mines a block first, so that no answer is one of before; both sides
are asked for the same block, and their reserves are compared pool by pool. The time is that from the question to the
pools as markets; the other clients' contracts are made before.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from web3 import HTTPProvider, Web3

from arbsite import config
from domain.secret import Secret
from simulator.chain import deployment as double
from simulator.chain.local import LocalChain, open_chain
from simulator.chain.world import prepare_world
from trading.venues.evm.deployment import read_deployment
from trading.venues.evm.pools import Seen, market_of, pack_reserves, read_reserves
from trading.venues.evm.rpc import open_rpc
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.identity import Pool, PoolKind, Token

REQUIRED_RATIO = 50
GET_RESERVES_ABI = [
    {
        "name": "getReserves",
        "type": "function",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {"name": "reserve0", "type": "uint112"},
            {"name": "reserve1", "type": "uint112"},
            {"name": "at", "type": "uint32"},
        ],
    }
]


class Timed(NamedTuple):
    """What one side took over all rounds, and how many pools it read."""

    median_ms: float
    pools_read: int


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    told = parser.parse_args()
    chain = open_chain(prepare_world(config.current().state_dir / "chain"))
    try:
        pools = [_known(chain, pool) for pool in chain.add_pools(told.pools)]
        single, at_once = asyncio.run(_measure(chain, pools, told.rounds))
    finally:
        chain.kill()
    _tell(single, at_once, told.pools)


def _tell(single: Timed, at_once: Timed, pools: int) -> None:
    ratio = single.median_ms / at_once.median_ms
    print(f"{single.pools_read} pools read one by one, {at_once.pools_read} at once, every reserve the same")
    print(f"one by one, kept web3.py client: {single.median_ms:8.2f} ms for {pools} pools")
    print(f"at once, Multicall3:             {at_once.median_ms:8.2f} ms for {pools} pools")
    print(f"{ratio:.0f} times faster; at least {REQUIRED_RATIO} is asked for")
    if ratio < REQUIRED_RATIO:
        raise SystemExit(1)


async def _measure(chain: LocalChain, pools: Sequence[Pool], rounds: int) -> tuple[Timed, Timed]:
    """Return what both sides took, round by round side by side. Raises: SystemExit if they differ."""
    contracts = _contracts(chain, pools)
    packed = pack_reserves(read_deployment(chain.deployment).multicall3, pools)
    settings = RpcSettings("ethereum", chain.chain_id, (Secret(chain.rpc_url),), requests_per_s=100_000.0)
    single_ms, at_once_ms, read = [], [], 0
    async with open_rpc(settings, redis=None) as rpc:
        for number in range(rounds + 1):
            chain.mine()
            head = await rpc.head()
            began = time.perf_counter()
            reserves = await read_reserves(rpc, packed, pools, at=head)
            seen = Seen(head, 0, time.time_ns(), time.time_ns())
            markets = [market_of(pool, reserves[pool.address.lower()], seen, seq=1) for pool in pools]
            middle = time.perf_counter()
            answers = [contract.functions.getReserves().call(block_identifier=head.number) for contract in contracts]
            ended = time.perf_counter()
            if [tuple(answer[:2]) for answer in answers] != [reserves[pool.address.lower()] for pool in pools]:
                raise SystemExit("the two sides read different reserves")
            if number:  # the first round opens the connections
                at_once_ms.append((middle - began) * 1000)
                single_ms.append((ended - middle) * 1000)
                read += len(markets)
    return Timed(median(single_ms), read), Timed(median(at_once_ms), read)


def _contracts(chain: LocalChain, pools: Sequence[Pool]) -> list[Any]:
    web3 = Web3(HTTPProvider(chain.rpc_url))
    return [web3.eth.contract(address=Web3.to_checksum_address(pool.address), abi=GET_RESERVES_ABI) for pool in pools]


def _known(chain: LocalChain, pool: double.Pool) -> Pool:
    """Return a pool of the double as the table would have it."""
    base, quote = (
        Token(chain.chain_id, token.address, token.symbol, token.decimals, token.asset, "this chain")
        for token in (pool.base, pool.quote)
    )
    return Pool(pool.venue, PoolKind.V2, pool.factory, pool.address, base, quote, pool.fee_pips, "this chain")


if __name__ == "__main__":
    main()
