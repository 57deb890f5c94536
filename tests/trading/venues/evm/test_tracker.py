"""The states that are kept by events equal a fresh read of the head, whatever the chain does."""

from random import Random
from typing import Any

import pytest

from domain.errors import Unreachable
from simulator.chain.building import UNISWAP_V3
from simulator.chain.local import LocalChain
from simulator.chain.pricing import is_base_first
from tests.trading.venues.evm.rig import (
    V2_VENUES,
    add_position,
    connected,
    follow,
    random_swap,
    table_of,
    tracker_on,
    trade,
)
from trading.venues.evm import tracker as tracking
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.pools import Reserves
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.tracker import History, Move, PoolTracker


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
async def test_a_reorg_leaves_every_pool_as_a_fresh_read_finds_it(chain: LocalChain, depth: int, seed: int) -> None:
    rng = Random(f"{depth}/{seed}")
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        for _ in range(depth + rng.randrange(3)):
            trade(chain, rng, blocks=1)
            await follow(tracker, rpc)
        chain.reorg(depth, [random_swap(rng) for _ in range(rng.randrange(3))])
        head = await follow(tracker, rpc)
        assert tracker.counts[Move.REORG] == 1
        assert tracker.states == await reader.read(head)
        trade(chain, rng, blocks=2)
        head = await follow(tracker, rpc)
        assert tracker.states == await reader.read(head)
    assert tracker.counts["torn"] == tracker.counts["diverged"] == 0


async def test_a_reorg_takes_back_a_swap_and_a_position(chain: LocalChain) -> None:
    rng = Random(5)
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        before = tracker.states
        trade(chain, rng, blocks=3)
        await follow(tracker, rpc)
        assert tracker.states != before
        chain.reorg(3)
        head = await follow(tracker, rpc)
        assert tracker.states == before == await reader.read(head)


async def test_blocks_between_two_looks_are_filled_in(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        trade(chain, Random(11), blocks=12)
        head = await follow(tracker, rpc)
        assert tracker.counts == {Move.WHOLE: 1, Move.FORWARD: 1}
        assert tracker.states == await reader.read(head)


async def test_events_carry_every_swap_and_every_change_of_liquidity(chain: LocalChain) -> None:
    rng = Random(23)
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        for _ in range(25):
            trade(chain, rng, blocks=2)
            head = await follow(tracker, rpc)
            assert tracker.states == await reader.read(head)
    assert set(tracker.counts) == {Move.WHOLE, Move.FORWARD}


async def test_too_many_blocks_to_fill_in_are_read_whole(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        chain.mine(tracking.MOST_FILLED + 5)
        chain.swap(V2_VENUES[0], random_swap(Random(1)).side, 10**9)
        head = await follow(tracker, rpc)
        assert tracker.counts == {Move.WHOLE: 2}
        assert tracker.states == await reader.read(head)


async def test_a_reorg_deeper_than_what_is_kept_is_read_whole(chain: LocalChain) -> None:
    rng = Random(3)
    async with connected(chain) as rpc:
        _, reader = await tracker_on(rpc, chain)
        tracker = PoolTracker(rpc, reader, History(kept=2))
        for _ in range(4):
            trade(chain, rng, blocks=1)
            await follow(tracker, rpc)
        chain.reorg(4, [random_swap(rng)])
        head = await follow(tracker, rpc)
        assert tracker.counts[Move.WHOLE] == 2
        assert tracker.states == await reader.read(head)


async def test_an_older_block_of_ours_is_a_node_that_lags_until_it_stays(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, _ = await tracker_on(rpc, chain)
        old = await follow(tracker, rpc)
        before = tracker.states
        chain.swap(V2_VENUES[0], random_swap(Random(1)).side, 10**9)
        new = await follow(tracker, rpc)
        moves = [await tracker.move_to(old) for _ in range(tracking.BEHIND_LOOKS)]
        assert set(moves) == {Move.BEHIND}
        assert tracker.head == new
        assert await tracker.move_to(old) is Move.REORG
        assert tracker.states == before


class Forgetful(Rpc):
    """Nodes that leave out every log, as one does that has not indexed its block yet."""

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        return [] if method == "eth_getLogs" else await super().call(method, *args, **options)


async def test_logs_that_a_node_left_out_are_noticed_at_that_very_head(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        rpc.__class__ = Forgetful
        chain.swap(V2_VENUES[0], random_swap(Random(1)).side, 10**9)
        head = await follow(tracker, rpc)
        assert tracker.counts == {Move.WHOLE: 2, "diverged": 1}
        assert tracker.states == await reader.read(head)


async def test_a_position_that_no_event_told_of_shows_once_the_price_comes_to_it(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
        rpc.__class__ = Forgetful
        add_position(chain, from_the_price=20, width=100)
        await follow(tracker, rpc)
        rpc.__class__ = Rpc
        pool = chain.pools[UNISWAP_V3]
        price = chain.price(UNISWAP_V3)
        chain.move_price(UNISWAP_V3, price * (1.025 if is_base_first(pool) else 1 / 1.025))
        head = await follow(tracker, rpc)
        assert tracker.counts["diverged"] == 1
        assert tracker.states == await reader.read(head)


async def test_a_look_that_fails_half_way_changes_nothing(chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(chain) as rpc:
        tracker, reader = await tracker_on(rpc, chain)
        first = await follow(tracker, rpc)
        states = tracker.states
        trade(chain, Random(2), blocks=3)

        async def fail(*_: object) -> None:
            raise Unreachable("no node")

        with monkeypatch.context() as patched:
            patched.setattr(reader, "logs", fail)
            with pytest.raises(Unreachable):
                await follow(tracker, rpc)
        assert (tracker.head, tracker.states) == (first, states)
        head = await follow(tracker, rpc)
        assert tracker.states == await reader.read(head)


async def test_a_fresh_read_is_what_the_contracts_say(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        tracker, _ = await tracker_on(rpc, chain)
        await follow(tracker, rpc)
    for pool in table_of(chain).pools:
        state = tracker.states[pool.address.lower()]
        if pool.venue == UNISWAP_V3:
            continue  # held against the contract in test_v3
        assert isinstance(state, Reserves)
        base, quote = state if pool.base_is_token0 else reversed(state)
        assert (base, quote) == chain.reserves(pool.venue)


def block(number: int, *, name: str = "") -> Block:
    return Block(number, name or f"0x{number}", f"0x{number - 1}", 0, 10**9, 0, 30_000_000)


def test_history_goes_back_to_a_block_it_knows_and_tells_how_far() -> None:
    history = History()
    for number in range(1, 5):
        history.extend(block(number), {})
    assert history.rewind("0x2") == 2
    assert history.head == block(2)
    history.extend(block(3, name="0x3b"), {})
    assert "0x3" not in history


def test_history_keeps_so_many_blocks() -> None:
    history = History(kept=3)
    for number in range(1, 10):
        history.extend(block(number), {})
    assert history.oldest == block(7)
    history.restart(block(20), {})
    assert (history.oldest, history.head) == (block(20), block(20))
