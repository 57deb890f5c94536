"""A node that misbehaves on command: each trouble is what its name says."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.chain.faulty_node import FaultyNode, Trouble, faulty_node
from simulator.chain.toy_chain import ToyChain

QUESTIONS = [
    {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
    {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": []},
]


@pytest.fixture
def chain() -> ToyChain:
    return ToyChain()


@pytest.fixture
async def node(chain: ToyChain) -> AsyncIterator[FaultyNode]:
    async with faulty_node(chain) as running:
        yield running


async def ask(node: FaultyNode, question: Any = QUESTIONS, *, within_s: float = 60.0) -> tuple[int, str]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within_s)) as session:
        async with session.post(node.url, json=question, allow_redirects=False) as answer:
            return answer.status, await answer.text()


async def replies(node: FaultyNode, question: Any = QUESTIONS) -> Any:
    async with aiohttp.ClientSession() as session:
        async with session.post(node.url, json=question) as answer:
            return await answer.json()


async def test_a_sound_node_answers_for_its_chain(node: FaultyNode) -> None:
    assert [reply["result"] for reply in await replies(node)] == [hex(31337), hex(100)]
    assert (await replies(node, QUESTIONS[0]))["result"] == hex(31337)
    assert node.asked == {"eth_chainId": 2, "eth_blockNumber": 1}


@pytest.mark.parametrize(
    ("trouble", "value", "status", "body"),
    [
        (Trouble.STATUS, 503, 503, "Bad Gateway"),
        (Trouble.TOO_MANY, 3, 429, ""),
        (Trouble.HTML, 0, 200, "<html>"),
        (Trouble.EMPTY, 0, 200, ""),
        (Trouble.ERROR, -32000, 200, '"code": -32000'),
        (Trouble.NULL, 0, 200, '"result": null'),
        (Trouble.WRONG_ID, 0, 200, '"id": 1000001'),
        (Trouble.NO_BATCHES, 0, 200, "batch requests are not supported"),
        (Trouble.OTHER_CHAIN, 137, 200, hex(137)),
        (Trouble.BEHIND, 4, 200, hex(96)),
    ],
)
async def test_a_trouble_shows_until_the_node_recovers(
    node: FaultyNode, trouble: Trouble, value: float, status: int, body: str
) -> None:
    sound = await ask(node)
    node.suffer(trouble, value)
    spoilt = await ask(node)
    assert spoilt[0] == status
    assert body in spoilt[1]
    node.recover()
    assert await ask(node) == sound != spoilt


@pytest.mark.parametrize(("trouble", "value"), [(Trouble.HANG, 0), (Trouble.SLOW, 30), (Trouble.CUT_OFF, 0)])
async def test_some_troubles_leave_no_answer(node: FaultyNode, trouble: Trouble, value: float) -> None:
    node.suffer(trouble, value)
    with pytest.raises((TimeoutError, aiohttp.ClientError)):
        await ask(node, within_s=0.2)


async def test_half_an_answer_is_the_beginning_of_it(node: FaultyNode) -> None:
    _, whole = await ask(node)
    node.suffer(Trouble.TRUNCATED)
    _, half = await ask(node)
    assert whole.startswith(half)
    assert len(half) == len(whole) // 2


async def test_a_trouble_of_one_method_leaves_the_others_alone(node: FaultyNode) -> None:
    node.suffer(Trouble.ERROR, -32000, methods=["eth_blockNumber"])
    sound, broken = await replies(node)
    assert (sound["result"], "error" in broken) == (hex(31337), True)


async def test_a_node_behind_does_not_know_the_newest_blocks(node: FaultyNode, chain: ToyChain) -> None:
    node.suffer(Trouble.BEHIND, 1)
    at_head = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": ["0x", {"blockHash": chain.head.hash}]}
    assert (await replies(node, at_head))["error"]["message"] == "header not found"
    at_parent = {**at_head, "params": ["0x", {"blockHash": chain.head.parent_hash}]}
    assert (await replies(node, at_parent))["result"] == hex(99)


async def test_a_stopped_node_is_gone_and_returns_on_its_port(node: FaultyNode) -> None:
    url = node.url
    await node.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(node)
    await node.start()
    assert node.url == url
    assert (await ask(node))[0] == 200


def test_a_reorganised_toy_chain_keeps_its_height_and_loses_its_blocks(chain: ToyChain) -> None:
    old = chain.head
    new = chain.reorganise(3)
    assert new.number == old.number
    assert new.hash != old.hash
