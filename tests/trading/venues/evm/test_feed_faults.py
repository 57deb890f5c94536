"""A chain source behind nodes that misbehave: no wrong state, a counted reason, and a recovery by itself."""

from random import Random

import pytest

from domain.market import PoolState, Side
from domain.secret import Secret
from simulator.chain.faulty_node import Trouble, faulty_node
from simulator.chain.local import LocalChain
from tests.trading.venues.evm.rig import ETH_USDC, TIP_WEI, V2_VENUES, Streaming, rpc_settings
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.evm.feed import ChainFeedSettings, ChainSource
from trading.venues.evm.watch import WatchRules

RESERVES = "getReserves()(uint112,uint112,uint32)"
TROUBLES = [
    (Trouble.HANG, 0.0, ()),
    (Trouble.CUT_OFF, 0.0, ()),
    (Trouble.STATUS, 503.0, ()),
    (Trouble.TOO_MANY, 0.0, ()),
    (Trouble.HTML, 0.0, ()),
    (Trouble.TRUNCATED, 0.0, ()),
    (Trouble.EMPTY, 0.0, ()),
    (Trouble.WRONG_ID, 0.0, ()),
    (Trouble.ERROR, -32603.0, ()),
    (Trouble.NULL, 0.0, ()),
    (Trouble.OTHER_CHAIN, 1.0, ()),
    (Trouble.ERROR, -32603.0, ("eth_getLogs",)),
    (Trouble.NULL, 0.0, ("eth_getLogs",)),
]


QUICK = {"attempt_s": 0.3, "deadline_s": 0.8, "look_s": 0.3, "hedge_s": 0.05}  # gives up on a node soon
PATIENT = {"attempt_s": 30.0, "deadline_s": 60.0, "look_s": 30.0, "hedge_s": 0.05}  # a busy node is no bad one


def source_behind(chain: LocalChain, *urls: str, patience: dict[str, float]) -> ChainSource:
    """Return a source on the nodes of these addresses."""
    rpc = rpc_settings(chain, urls=tuple(map(Secret, urls)), **patience)
    rules = WatchRules(chain.chain_id, 60_000, 3_600_000, TIP_WEI)
    return ChainSource(ChainFeedSettings(rpc, None, 30, rules, chain.deployment), clock=SYSTEM_CLOCK, rng=Random(7))


def assert_true(chain: LocalChain, states: list[PoolState]) -> None:
    """Fail unless each state is what the chain had in the very block that it tells of."""
    asked: dict[tuple[str, int], tuple[int, int]] = {}
    for state in states:
        key = (state.address, state.block)
        if key not in asked:
            asked[key] = chain.call(state.address, RESERVES, block=hex(state.block))[:2]
        assert asked[key] in ((state.base_reserve, state.quote_reserve), (state.quote_reserve, state.base_reserve))


@pytest.mark.parametrize(("kind", "value", "methods"), TROUBLES, ids=lambda given: str(given) or "all")
async def test_a_lone_node_in_trouble_gives_no_wrong_state_and_comes_back(
    chain: LocalChain, kind: Trouble, value: float, methods: tuple[str, ...]
) -> None:
    async with faulty_node(chain.rpc_url) as node:
        patience = QUICK if kind is Trouble.HANG else PATIENT
        streaming = Streaming(source_behind(chain, node.url, patience=patience))
        async with streaming.running(ETH_USDC):
            await streaming.until(lambda: streaming.shows(chain))
            node.suffer(kind, value, methods=methods)
            chain.swap("uniswap_v2", Side.SELL, 10**18)
            status = streaming.source.status
            await streaming.until(lambda: (now := streaming.source.status).trouble != status.trouble or now.refused)
            assert not streaming.shows(chain)
            node.recover()
            await streaming.until(lambda: streaming.shows(chain))
    assert_true(chain, streaming.states)


@pytest.mark.parametrize(("kind", "value"), [(Trouble.CUT_OFF, 0.0), (Trouble.HTML, 0.0), (Trouble.OTHER_CHAIN, 1.0)])
async def test_beside_a_sound_node_a_bad_one_is_not_felt(chain: LocalChain, kind: Trouble, value: float) -> None:
    async with faulty_node(chain.rpc_url) as node:
        node.suffer(kind, value)
        streaming = Streaming(source_behind(chain, node.url, chain.rpc_url, patience=PATIENT))
        async with streaming.running(ETH_USDC):
            for _ in range(3):
                chain.swap("uniswap_v2", Side.SELL, 10**18)
                await streaming.until(lambda: streaming.shows(chain))
    assert streaming.source.status.reconnects == 0
    assert_true(chain, streaming.states)


async def test_a_first_node_that_lags_holds_nothing_back(chain: LocalChain) -> None:
    async with faulty_node(chain.rpc_url) as node:
        node.suffer(Trouble.BEHIND, 2)
        streaming = Streaming(source_behind(chain, node.url, chain.rpc_url, patience=PATIENT))
        async with streaming.running(ETH_USDC):
            for _ in range(4):
                chain.swap(V2_VENUES[0], Side.SELL, 10**18)
                await streaming.until(lambda: streaming.shows(chain))
            chain.reorg(2)
            await streaming.until(lambda: streaming.shows(chain))
    assert streaming.source.status.refused == {}
