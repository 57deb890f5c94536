"""Identical questions within one block: asked once, by whichever process comes first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from django.conf import settings

from domain.errors import Unreachable
from simulator.chain.faulty_node import Trouble
from simulator.chain.toy_chain import EMPTY, REVERTING
from tests.rpc_nodes import QUESTION, TO, Nodes, rpc_to, two_nodes
from trading.venues.evm.jsonrpc import Call, Reverted
from trading.venues.evm.shared_calls import SharedCalls, key_of

UNREACHABLE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    async with two_nodes() as pair:
        yield pair


@asynccontextmanager
async def client(url: str | None = None) -> AsyncIterator["redis.asyncio.Redis"]:
    opened = redis.asyncio.Redis.from_url(url or settings.ARB.redis_url)
    yield opened
    await opened.aclose()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr("trading.venues.shared_store.ANSWER_IN_S", 10.0)


@pytest.fixture
async def server() -> AsyncIterator["redis.asyncio.Redis"]:
    async with client() as opened:
        await forget(opened)
        yield opened
        await forget(opened)


async def forget(opened: "redis.asyncio.Redis") -> None:
    async for key in opened.scan_iter("arb:rpc:*"):
        await opened.delete(key)


async def test_processes_that_ask_at_once_reach_the_node_once(
    nodes: Nodes, server: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.evm.shared_calls.PATIENCE_S", 10.0)
    async with client() as other, rpc_to(nodes.first, redis=server) as here, rpc_to(nodes.first, redis=other) as there:
        head = await here.head()
        asked = [rpc.call("eth_call", QUESTION, at=head) for rpc in (here, there) for _ in range(10)]
        assert set(await asyncio.gather(*asked)) == {nodes.truth()}
        assert nodes.first.asked["eth_call"] == 1
        assert here.counts().shared + there.counts().shared == 19
        assert here.counts().are_answers_shared


async def test_headers_and_logs_of_one_block_are_shared_too(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with client() as other, rpc_to(nodes.first, redis=server) as here, rpc_to(nodes.first, redis=other) as there:
        for rpc in (here, there):
            assert (await rpc.block(nodes.chain.head.hash)).number == nodes.chain.head.number
            assert (await rpc.call("eth_getLogs", [{"blockHash": nodes.chain.head.hash}])) == []
            assert (await rpc.call("eth_getBlockByNumber", ["0x7", False]))["number"] == "0x7"
        assert (nodes.first.asked["eth_getBlockByHash"], nodes.first.asked["eth_getLogs"]) == (1, 1)
        assert nodes.first.asked["eth_getBlockByNumber"] == 2


async def test_each_block_is_asked_about_anew(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with client() as other, rpc_to(nodes.first, redis=server) as here, rpc_to(nodes.first, redis=other) as there:
        for count in (1, 2, 3):
            nodes.chain.reorganise(1)  # same height, another block
            for rpc in (here, there, here):
                assert await rpc.call("eth_call", QUESTION) == nodes.truth()
            assert nodes.first.asked["eth_call"] == count


async def test_reverts_are_shared_as_reverts(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with client() as other, rpc_to(nodes.first, redis=server) as here, rpc_to(nodes.first, redis=other) as there:
        calls = [Call("eth_call", ({"to": REVERTING},)), Call("eth_call", tuple(QUESTION))]
        for rpc in (here, there):
            reverted, sound = await rpc.batch(calls)
            assert isinstance(reverted, Reverted)
            assert (str(reverted), reverted.data, sound) == ("execution reverted: K", "0x08c379a0", nodes.truth())
        assert nodes.first.asked["eth_call"] == 2


async def test_nothing_is_not_remembered(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with rpc_to(nodes.first, redis=server) as rpc:
        for count in (1, 2):
            assert await rpc.call("eth_call", [{"to": EMPTY}]) == "0x"
            assert nodes.first.asked["eth_call"] == count


async def test_a_question_that_failed_is_free_for_the_next(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with client() as other, rpc_to(nodes.first, redis=server) as here, rpc_to(nodes.second, redis=other) as there:
        head = await here.head()
        nodes.first.suffer(Trouble.ERROR, -32000)
        with pytest.raises(Unreachable):
            await here.call("eth_call", QUESTION, at=head)
        assert await there.call("eth_call", QUESTION, at=head) == nodes.truth()


async def test_a_process_that_died_while_it_asked_holds_nobody_up(nodes: Nodes, server: "redis.asyncio.Redis") -> None:
    async with rpc_to(nodes.first, redis=server) as rpc:
        head = await rpc.head()
        key = key_of(31337, [Call("eth_call", (*QUESTION, {"blockHash": head.hash}))])
        await server.set(f"{key}:asking", 1, px=60_000)
        assert await rpc.call("eth_call", QUESTION, at=head) == nodes.truth()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[" * 100_000, b"[[1]]", b'[["reverted", 3]]', b'[["reverted", ["a", "b", "c"]]]', b"\xff", b"[]"],
)
async def test_what_cannot_be_read_back_is_asked_again(nodes: Nodes, server: "redis.asyncio.Redis", raw: bytes) -> None:
    async with rpc_to(nodes.first, redis=server) as rpc:
        head = await rpc.head()
        await server.set(key_of(31337, [Call("eth_call", (*QUESTION, {"blockHash": head.hash}))]), raw)
        assert await rpc.call("eth_call", QUESTION, at=head) == nodes.truth()


async def test_what_another_process_wrote_is_judged_like_a_nodes_answer(
    nodes: Nodes, server: "redis.asyncio.Redis"
) -> None:
    async with rpc_to(nodes.first, redis=server) as rpc:
        head = await rpc.head()
        key = key_of(31337, [Call("eth_call", (*QUESTION, {"blockHash": head.hash}))])
        await server.set(key, b'[["result", {"not": "hex"}]]')
        assert await rpc.call("eth_call", QUESTION, at=head) == nodes.truth()


async def test_without_redis_one_process_still_asks_once_and_says_so(nodes: Nodes) -> None:
    async with client(UNREACHABLE) as away, rpc_to(nodes.first, redis=away) as rpc:
        head = await rpc.head()
        answers = await asyncio.gather(*(rpc.call("eth_call", QUESTION, at=head) for _ in range(10)))
        assert set(answers) == {nodes.truth()}
        assert nodes.first.asked["eth_call"] == 1
        assert not rpc.counts().are_answers_shared


async def test_an_asker_that_leaves_does_not_take_the_answer_from_the_others(nodes: Nodes) -> None:
    async with rpc_to(nodes.first) as rpc:
        head = await rpc.head()
        nodes.first.suffer(Trouble.SLOW, 0.05)
        leaving = asyncio.create_task(rpc.call("eth_call", QUESTION, at=head))
        staying = asyncio.create_task(rpc.call("eth_call", QUESTION, at=head))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == nodes.truth()
        assert nodes.first.asked["eth_call"] == 1


async def test_old_answers_make_room_for_new_ones() -> None:
    shared = SharedCalls(None, chain="test")

    async def ask() -> list[object]:
        return ["0x01"]

    for n in range(600):
        await shared.answers(f"key {n}", ask, is_kept=bool)
    assert shared.hits == 0
    await shared.answers("key 599", ask, is_kept=bool)
    assert (shared.hits, len(shared._here)) == (1, 256)


async def test_questions_differ_by_chain_block_method_and_params() -> None:
    questions = [
        (1, [Call("eth_call", (TO, {"blockHash": "0x1"}))]),
        (137, [Call("eth_call", (TO, {"blockHash": "0x1"}))]),
        (1, [Call("eth_call", (TO, {"blockHash": "0x2"}))]),
        (1, [Call("eth_getCode", (TO, {"blockHash": "0x1"}))]),
        (1, [Call("eth_call", (TO, {"blockHash": "0x1"}))] * 2),
    ]
    assert len({key_of(chain_id, calls) for chain_id, calls in questions}) == len(questions)
