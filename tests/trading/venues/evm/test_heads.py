"""The head of a chain: the next block's base fee, and who tells of a new one."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.market import Side
from simulator.chain.local import LocalChain
from tests.fakes import FixedClock
from tests.trading.venues.evm.rig import connected
from trading.venues.evm.heads import HeadConversation, Nudge, next_base_fee_wei
from trading.venues.evm.jsonrpc import Block
from trading.venues.health import FeedHealth
from trading.venues.identity import POLYGON

LIMIT = 30_000_000


def block(*, base_fee: int = 10**9, used: int = 0) -> Block:
    return Block(1, "0x1", "0x0", 0, base_fee, used, LIMIT)


async def test_the_next_base_fee_is_what_the_chain_then_asks(chain: LocalChain) -> None:
    chain.set_base_fee(7_654_321_987)
    chain.mine()
    async with connected(chain) as rpc:
        for _ in range(5):
            before = await rpc.head()
            assert before.base_fee_wei
            chain.swap("uniswap_v2", Side.BUY, 10**9)
            after = await rpc.head()
            assert after.base_fee_wei == next_base_fee_wei(before, chain_id=chain.chain_id)


def test_the_base_fee_follows_the_target() -> None:
    assert next_base_fee_wei(block(used=LIMIT // 2), chain_id=1) == 10**9
    assert next_base_fee_wei(block(used=LIMIT), chain_id=1) == 1_125_000_000
    assert next_base_fee_wei(block(used=0), chain_id=1) == 875_000_000
    assert next_base_fee_wei(block(used=LIMIT // 2 + 1, base_fee=1), chain_id=1) == 2


@given(st.integers(1, 10**15), st.integers(0, LIMIT))
def test_on_polygon_no_lower_base_fee_is_reckoned_with_than_a_producer_may_choose(base_fee: int, used: int) -> None:
    told = next_base_fee_wei(block(base_fee=base_fee, used=used), chain_id=POLYGON)
    assert told * 100 >= base_fee * 105
    assert told <= base_fee + base_fee // 20 + 1


async def test_a_nudge_ends_the_wait_and_is_used_up() -> None:
    nudge = Nudge()
    nudge.tell()
    async with asyncio.timeout(30.0):
        await nudge.wait(3600.0)
    waiting = asyncio.create_task(nudge.wait(0.02))
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting


def talk() -> tuple[HeadConversation, Nudge, FeedHealth]:
    nudge, health = Nudge(), FeedHealth("ethereum", origin="chain 1")
    return HeadConversation("ethereum", 1, nudge, health=health, clock=FixedClock()), nudge, health


def say(**message: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", **message})


async def test_an_announced_head_nudges_and_counts() -> None:
    heads, nudge, health = talk()
    ids = [json.loads(frame)["id"] for frame in heads.opening()]
    heads.answer(say(id=ids[0], result="0x1"))
    heads.answer(say(id=ids[1], result="0xabc"))
    assert health.books == 0
    heads.answer(say(method="eth_subscription", params={"subscription": "0xabc", "result": {"number": "0x5"}}))
    assert health.books == 1
    async with asyncio.timeout(30.0):
        await nudge.wait(3600.0)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"result": "0x89"}, "is on chain 137, not on 1"),
        ({"result": None}, "does not say which chain it is on"),
        ({"error": {"code": 1, "message": "no"}}, "does not say which chain it is on"),
    ],
)
def test_a_node_of_another_chain_is_refused_by_name(result: dict[str, Any], sentence: str) -> None:
    heads, _, _ = talk()
    with pytest.raises(Refused, match=f"the node at ethereum's WebSocket address {sentence}"):
        heads.answer(say(id=json.loads(heads.opening()[0])["id"], **result))


def test_a_node_that_announces_nothing_is_refused_by_name() -> None:
    heads, _, _ = talk()
    with pytest.raises(Refused, match="announces no heads"):
        heads.answer(say(id=json.loads(heads.opening()[1])["id"], error={"code": -32601, "message": "no such method"}))


@given(st.text() | st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_message_whatever_crashes(frame: str | bytes) -> None:
    heads, _, health = talk()
    assert heads.answer(frame) == ()
    assert health.books == 0
