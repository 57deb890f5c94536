"""A chain as a source: every head's pools, confirmed while the head stays; what cannot be used is named and counted."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from domain.errors import Refused, Unreachable
from domain.market import Pair, Side
from domain.secret import Secret
from simulator.chain.building import UNISWAP_V3
from simulator.chain.faulty_node import faulty_node
from simulator.chain.local import LocalChain
from tests.chain import start_chain
from tests.trading.venues.evm.rig import (
    ETH_USDC,
    TIP_WEI,
    V2_VENUES,
    Streaming,
    connected,
    random_swap,
    rpc_settings,
    source_on,
    trade,
)
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.evm.feed import ChainFeedSettings, ChainSource
from trading.venues.evm.heads import next_base_fee_wei
from trading.venues.evm.watch import WatchRules

MS = 1_000_000


@pytest.fixture
def own_chain() -> Iterator[LocalChain]:
    with start_chain() as chain:
        yield chain


def pointed_at(
    chain: LocalChain, deployment: Path, *, chain_id: int | None = None, ws_url: str | None = None, rpc_url: str = ""
) -> ChainSource:
    rules = WatchRules(chain_id or chain.chain_id, 2000, 3_600_000, TIP_WEI)
    rpc = rpc_settings(chain, chain_id=chain_id or chain.chain_id, urls=(Secret(rpc_url or chain.rpc_url),))
    settings = ChainFeedSettings(rpc, Secret(ws_url) if ws_url else None, 40, rules, deployment)
    return ChainSource(settings, clock=SYSTEM_CLOCK, rng=Random(7))


def changed(chain: LocalChain, tmp_path: Path, **changes: object) -> Path:
    """Return the chain's deployment with the pool of sushiswap, or the whole, changed."""
    told = json.loads(chain.deployment.read_text())
    if "chain_id" in changes:
        told |= changes
    else:
        told["pools"] = [row | changes if row["venue"] == "sushiswap" else row for row in told["pools"]]
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(told))
    return path


@pytest.mark.parametrize("told", [False, True], ids=["asked", "told"])
async def test_every_head_s_pools_are_handed_on_as_the_chain_has_them(chain: LocalChain, told: bool) -> None:
    streaming = Streaming(source_on(chain, told=told))
    async with streaming.running():
        await streaming.until(lambda: streaming.shows(chain))
        for _ in range(5):
            swap = random_swap(Random(chain.block_number()), V2_VENUES)
            chain.swap(swap.venue, swap.side, swap.amount_in)
            await streaming.until(lambda: streaming.shows(chain))
    assert [state.seq for state in streaming.states] == list(range(1, len(streaming.states) + 1))
    assert streaming.source.status.refused == {}
    assert streaming.source.status.integrity == 1.0


async def test_a_state_tells_its_block_its_times_and_the_next_block_s_gas(chain: LocalChain) -> None:
    before_ns = SYSTEM_CLOCK.now_ns()
    first, second = await source_on(chain).snapshot([ETH_USDC])
    async with connected(chain) as rpc:
        head = await rpc.head()
    assert {first.venue, second.venue} == set(V2_VENUES)
    for state in (first, second):
        assert (state.block, state.block_hash, state.block_at_ns) == (head.number, head.hash, head.at_ns)
        assert before_ns <= state.venue_at_ns <= state.seen_at_ns <= SYSTEM_CLOCK.now_ns()
        assert state.gas_price_wei == next_base_fee_wei(head, chain_id=chain.chain_id) + TIP_WEI
        assert (state.base_decimals, state.quote_decimals, state.fee_pips) == (18, 6, 3000)
        assert (state.base_reserve, state.quote_reserve) == chain.reserves(state.venue)


async def test_a_second_snapshot_asks_for_the_head_and_the_reserves_alone(chain: LocalChain) -> None:
    async with faulty_node(chain.rpc_url) as node:
        source = pointed_at(chain, chain.deployment, rpc_url=node.url)
        await source.snapshot([ETH_USDC])
        chain.swap("uniswap_v2", Side.SELL, 10**18)
        node.asked.clear()
        states = await source.snapshot([ETH_USDC])
        assert node.asked["eth_call"] == 1
    assert source.status.books == 2 * len(V2_VENUES)  # each state of each look counts, as a book does
    assert {state.venue: (state.base_reserve, state.quote_reserve) for state in states} == {
        venue: chain.reserves(venue) for venue in V2_VENUES
    }


async def test_snapshots_inside_one_block_share_their_connections(chain: LocalChain) -> None:
    source = source_on(chain)
    async with source.kept():
        await source.snapshot([ETH_USDC])
        first = source.counts
        chain.mine()
        await source.snapshot([ETH_USDC])
        assert first is not None
        assert source.counts is not None
        assert source.counts.asked > first.asked  # of the same connections: a new client counts from nothing
    await source.snapshot([ETH_USDC])
    assert source.counts.asked < first.asked


async def test_a_quiet_pool_is_confirmed_while_the_head_stays(chain: LocalChain) -> None:
    streaming = Streaming(source_on(chain, poll_ms=20, max_age_ms=150))
    async with streaming.running():
        await streaming.until(lambda: len(streaming.states) >= 8)
    assert {state.block for state in streaming.states} == {chain.block_number()}
    assert streaming.source.status.books == len(V2_VENUES)
    assert streaming.source.status.confirmed == len(streaming.states) - len(V2_VENUES)
    shown = [state for state in streaming.states if state.venue == V2_VENUES[0]]
    assert all(
        after.seen_at_ns - before.seen_at_ns >= 50 * MS for before, after in pairwise(shown)
    )  # a third of the age
    assert all(after.venue_at_ns > before.seen_at_ns for before, after in pairwise(shown))
    assert [(state.base_reserve, state.quote_reserve) for state in shown] == [chain.reserves(V2_VENUES[0])] * len(shown)


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_after_a_reorg_the_pools_shown_are_those_of_a_fresh_read(chain: LocalChain, depth: int) -> None:
    streaming = Streaming(source_on(chain, told=True))
    rng = Random(depth)
    async with streaming.running():
        await streaming.until(lambda: streaming.shows(chain))
        trade(chain, rng, blocks=4)
        chain.swap("uniswap_v2", Side.BUY, 10**10)
        await streaming.until(lambda: streaming.shows(chain))
        chain.reorg(depth, [random_swap(rng)])
        await streaming.until(lambda: streaming.source.status.trouble.get("reorg") and streaming.shows(chain))
        fresh = await source_on(chain).v3_snapshot([ETH_USDC])
        assert [state.curve for state in streaming.source.v3_states] == [state.curve for state in fresh]
        assert {state.venue for state in fresh} == {UNISWAP_V3}


async def test_a_head_that_stands_still_is_refused_by_name_and_nothing_handed_on(chain: LocalChain) -> None:
    streaming = Streaming(source_on(chain, max_head_age_ms=1))
    async with streaming.running():
        await streaming.until(lambda: streaming.source.status.refused.get("stale", 0) >= 2)
    assert streaming.states == []
    assert streaming.source.status.venue_state == "stale"


async def test_a_node_that_dies_is_said_and_one_that_hangs_comes_back(own_chain: LocalChain) -> None:
    streaming = Streaming(source_on(own_chain))
    async with streaming.running():
        await streaming.until(lambda: streaming.shows(own_chain))
        own_chain.pause()
        await streaming.until(lambda: streaming.source.status.trouble.get("unreachable"))
        assert streaming.source.status.connected_at_ns is None
        own_chain.resume()
        own_chain.swap("uniswap_v2", Side.SELL, 10**18)
        await streaming.until(lambda: streaming.shows(own_chain))
        assert streaming.source.status.connected_at_ns is not None
        handed_on = len(streaming.states)
        own_chain.kill()
        await streaming.until(lambda: streaming.source.status.connected_at_ns is None)
    assert streaming.source.status.reconnects == 2
    assert handed_on
    with pytest.raises(Unreachable):
        await source_on(own_chain).snapshot([ETH_USDC])


async def test_a_bad_entry_and_an_unknown_pair_are_named_and_counted_and_the_rest_goes_on(
    chain: LocalChain, tmp_path: Path
) -> None:
    nowhere = "0x00000000000000000000000000000000000000aA"
    streaming = Streaming(pointed_at(chain, changed(chain, tmp_path, address=nowhere)))
    async with streaming.running(ETH_USDC, Pair.parse("DOGE/USD")):
        await streaming.until(lambda: len(streaming.states) >= 1)
    assert {state.venue for state in streaming.states} == {"uniswap_v2"}
    assert streaming.source.status.trouble == {"no_code": 1, "unknown_pair": 1}
    assert [problem.sentence for problem in streaming.source.problems] == [
        f"sushiswap ETH/USDC at {nowhere} on chain 31337 has no code",
        "ethereum has no pool of DOGE/USD in its table",
    ]


async def test_an_entry_that_cannot_be_read_is_counted_too(chain: LocalChain, tmp_path: Path) -> None:
    streaming = Streaming(pointed_at(chain, changed(chain, tmp_path, fee_pips=1)))
    async with streaming.running():
        await streaming.until(lambda: len(streaming.states) >= 1)
    assert streaming.source.status.trouble == {"bad_entry": 1}


async def test_an_endpoint_of_another_chain_is_named_and_gives_nothing(chain: LocalChain, tmp_path: Path) -> None:
    source = pointed_at(chain, changed(chain, tmp_path, chain_id=1), chain_id=1)
    with pytest.raises(Unreachable, match="31337"):
        await source.snapshot([ETH_USDC])
    streaming = Streaming(source)
    async with streaming.running():
        await streaming.until(lambda: source.status.trouble.get("unreachable"))
    assert streaming.states == []


async def test_a_websocket_of_another_chain_is_named_and_heads_are_asked_for(chain: LocalChain, tmp_path: Path) -> None:
    with start_chain() as other:
        other.rpc("anvil_setChainId", 4242)
        streaming = Streaming(pointed_at(chain, chain.deployment, ws_url=other.ws_url))
        async with streaming.running():
            await streaming.until(lambda: streaming.source.problems)
            chain.swap("uniswap_v2", Side.SELL, 10**18)
            await streaming.until(lambda: streaming.shows(chain))
    (problem,) = streaming.source.problems
    assert problem.sentence == "the node at ethereum's WebSocket address is on chain 4242, not on 31337"
    assert streaming.source.status.trouble["heads_not_told"] == 1


async def test_a_table_of_another_chain_or_none_ends_the_stream_as_refused(chain: LocalChain, tmp_path: Path) -> None:
    for deployment, sentence in (
        (changed(chain, tmp_path, chain_id=5), "tells of chain 5, and ethereum is set to 31337"),
        (tmp_path / "nowhere.json", "nowhere.json cannot be read"),
    ):
        source = pointed_at(chain, deployment)
        with pytest.raises(Refused, match=sentence):
            await source.stream([ETH_USDC], lambda _: None)
        assert [problem.reason for problem in source.problems] == ["no_table"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "has no code on this chain"), ("router", "does not answer as one: execution reverted")]
)
async def test_a_table_whose_multicall_is_none_ends_the_stream_as_refused_and_is_counted(
    chain: LocalChain, tmp_path: Path, name: str, sentence: str
) -> None:
    told = json.loads(chain.deployment.read_text())
    told["multicall3"] = told.get(name, "0x" + "9" * 40)
    (tmp_path / "deployment.json").write_text(json.dumps(told))
    source = pointed_at(chain, tmp_path / "deployment.json")
    with pytest.raises(Refused, match=f"the table's multicall3, {sentence}"):
        await source.stream([ETH_USDC], lambda _: None)
    assert source.status.trouble == {"not_read": 1}
    assert sentence in source.problems[0].sentence


async def test_an_empty_pool_is_refused_by_name_and_the_others_shown(chain: LocalChain) -> None:
    chain.set_reserves("sushiswap", 0, 0)
    streaming = Streaming(source_on(chain))
    async with streaming.running():
        await streaming.until(lambda: streaming.source.status.refused.get("empty"))
    assert {state.venue for state in streaming.states} == {"uniswap_v2"}
