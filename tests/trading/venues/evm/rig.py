"""A chain source on the local chain, and what moves its pools."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from domain.errors import Refused
from domain.market import Market, Pair, PoolState, Side
from domain.secret import Secret
from simulator.chain.building import UNISWAP_V3
from simulator.chain.local import LocalChain
from simulator.chain.swaps import Swap
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.evm.checks import Checked, check_table
from trading.venues.evm.deployment import read_deployment
from trading.venues.evm.feed import ChainFeedSettings, ChainSource
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.rpc import Rpc, open_rpc
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.evm.states import StateReader
from trading.venues.evm.tracker import PoolTracker
from trading.venues.evm.watch import WatchRules
from trading.venues.identity import ChainTable

ETH_USDC = Pair.parse("ETH/USDC")
V2_VENUES = ("uniswap_v2", "sushiswap")
TIP_WEI = 10**9
PATIENCE_S = 60.0

_DECREASE = "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))"
_MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
_FOREVER = 2**63


def rpc_settings(chain: LocalChain, **changes: object) -> RpcSettings:
    return replace(RpcSettings("ethereum", chain.chain_id, (Secret(chain.rpc_url),), 100_000.0), **changes)


@asynccontextmanager
async def connected(chain: LocalChain) -> AsyncIterator[Rpc]:
    async with open_rpc(rpc_settings(chain), redis=None) as rpc:
        yield rpc


def table_of(chain: LocalChain) -> ChainTable:
    return read_deployment(chain.deployment)


async def checked(rpc: Rpc, table: ChainTable) -> Checked:
    return await check_table(rpc, table, table.pools, at=await rpc.head())


async def tracker_on(rpc: Rpc, chain: LocalChain) -> tuple[PoolTracker, StateReader]:
    found = await checked(rpc, table_of(chain))
    assert found.problems == ()
    reader = StateReader(rpc, found.watched)
    return PoolTracker(rpc, reader), reader


async def follow(tracker: PoolTracker, rpc: Rpc) -> Block:
    head = await rpc.head()
    await tracker.move_to(head)
    return head


def source_on(
    chain: LocalChain,
    *,
    poll_ms: int = 40,
    max_age_ms: int = 2000,
    max_head_age_ms: int = 3_600_000,
    told: bool = False,
) -> ChainSource:
    """Return a source of the chain; without ``told`` it asks for heads instead of being told."""
    rules = WatchRules(chain.chain_id, max_age_ms, max_head_age_ms, TIP_WEI)
    settings = ChainFeedSettings(
        rpc_settings(chain), Secret(chain.ws_url) if told else None, poll_ms, rules, chain.deployment
    )
    return ChainSource(settings, clock=SYSTEM_CLOCK, rng=Random(7))


class Streaming:
    """A source that streams, and every state it handed on."""

    def __init__(self, source: ChainSource) -> None:
        self.source = source
        self.states: list[PoolState] = []
        self._task: asyncio.Task[None] | None = None

    def take(self, market: Market) -> None:
        assert isinstance(market, PoolState)
        self.states.append(market)

    async def until(self, condition: Callable[[], object]) -> None:
        for _ in range(int(PATIENCE_S / 0.01)):
            if condition():
                return
            if self._task is not None and self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came to be: {self.source.status}")

    def latest(self, venue: str) -> PoolState | None:
        return next((state for state in reversed(self.states) if state.venue == venue), None)

    def shows(self, chain: LocalChain) -> bool:
        """Whether every V2 pool is shown as it is on the chain now."""
        return all(
            (latest := self.latest(venue)) is not None
            and (latest.base_reserve, latest.quote_reserve) == chain.reserves(venue)
            for venue in V2_VENUES
        )

    @asynccontextmanager
    async def running(self, *pairs: Pair) -> AsyncIterator["Streaming"]:
        self._task = asyncio.create_task(self.source.stream(pairs or (ETH_USDC,), self.take))
        try:
            yield self
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])


def random_swap(rng: Random, venues: Sequence[str] = (*V2_VENUES, UNISWAP_V3)) -> Swap:
    side = rng.choice((Side.BUY, Side.SELL))
    most = 20_000 * 10**6 if side is Side.BUY else 7 * 10**18
    return Swap(rng.choice(venues), side, rng.randrange(most // 1000, most))


def move_liquidity(chain: LocalChain, rng: Random) -> None:
    """Add a V3 position somewhere around the price, or take out a part of an old one."""
    if rng.random() < 0.4:
        _withdraw(chain, _positions(chain), rng)
        return
    add_position(chain, from_the_price=rng.randrange(-400, 200), width=rng.randrange(1, 600))


def add_position(chain: LocalChain, *, from_the_price: int, width: int) -> None:
    """Add a V3 position that begins so many tick spacings above the price."""
    pool = chain.pools[UNISWAP_V3]
    tick = chain.call(pool.address, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)")[1]
    lower = (tick // 10 + from_the_price) * 10
    upper = lower + width * 10
    tokens = sorted((pool.base.address, pool.quote.address), key=lambda address: int(address, 16))
    amounts = [10**18 if token == pool.base.address else 3000 * 10**6 for token in tokens]
    terms = (*tokens, pool.fee_pips, lower, upper, *amounts, 0, 0, chain.owner.address, _FOREVER)
    chain.send(_positions(chain), _MINT, terms, sender=chain.owner)


def _withdraw(chain: LocalChain, positions: str, rng: Random) -> None:
    number = rng.randrange(1, 3)
    liquidity = chain.call(
        positions,
        "positions(uint256)(uint96,address,address,address,uint24,int24,int24,uint128,uint256,uint256,uint128,uint128)",
        number,
    )[7]
    part = liquidity if rng.random() < 0.3 else liquidity // 3
    if part:
        chain.send(positions, _DECREASE, (number, part, 0, 0, _FOREVER), sender=chain.owner)


def _positions(chain: LocalChain) -> str:
    return str(json.loads(chain.deployment.read_text())["positions"])


def trade(chain: LocalChain, rng: Random, *, blocks: int) -> None:
    """Let that many blocks pass, each with a swap, a change of liquidity or nothing."""
    for _ in range(blocks):
        chance = rng.random()
        if chance < 0.6:
            swap = random_swap(rng)
            chain.swap(swap.venue, swap.side, swap.amount_in)
        elif chance < 0.85:
            try:
                move_liquidity(chain, rng)
            except Refused:  # a position that has nothing to add at this price
                chain.mine()
        else:
            chain.mine()
