"""A chain through nodes that fail: the next answer is another node's, and never a wrong one."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.errors import BadInput, Refused, Unreachable
from domain.secret import Secret
from simulator.chain.faulty_node import Trouble
from simulator.chain.toy_chain import EMPTY, REVERTING, RpcError, ToyChain
from tests.rpc_nodes import DATA, KEY, QUESTION, TO, Nodes, rpc_to, two_nodes
from trading.venues.evm.jsonrpc import Call, Reverted
from trading.venues.evm.rpc_settings import RpcSettings

TROUBLES = [
    (Trouble.HANG, 0),
    (Trouble.SLOW, 30),
    (Trouble.CUT_OFF, 0),
    (Trouble.STATUS, 500),
    (Trouble.STATUS, 503),
    (Trouble.STATUS, 403),
    (Trouble.STATUS, 302),
    (Trouble.TOO_MANY, 30),
    (Trouble.HTML, 0),
    (Trouble.TRUNCATED, 0),
    (Trouble.EMPTY, 0),
    (Trouble.WRONG_ID, 0),
    (Trouble.ERROR, -32603),
    (Trouble.ERROR, -32000),
    (Trouble.ERROR, -32601),
    (Trouble.ERROR, -32005),
    (Trouble.NULL, 0),
    (Trouble.BEHIND, 10),
    (Trouble.OTHER_CHAIN, 56),
]
each_trouble = pytest.mark.parametrize(("trouble", "value"), TROUBLES)


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    async with two_nodes() as pair:
        yield pair


@each_trouble
async def test_the_second_node_answers_while_the_first_is_in_trouble(
    nodes: Nodes, trouble: Trouble, value: float
) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert not nodes.second.asked["eth_call"]
        nodes.first.suffer(trouble, value)
        nodes.chain.mine()
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert nodes.second.asked["eth_call"] == 1


@each_trouble
async def test_a_trouble_of_eth_call_alone_is_met_as_well(nodes: Nodes, trouble: Trouble, value: float) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        nodes.first.suffer(trouble, value, methods=["eth_call"])
        for _ in range(3):
            nodes.chain.mine()
            assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert await rpc.call("eth_getBalance", [TO]) == hex(nodes.chain.head.number)
        assert nodes.first.asked["eth_getBalance"] or nodes.second.asked["eth_getBalance"]


@each_trouble
async def test_the_head_is_that_of_the_sound_node(nodes: Nodes, trouble: Trouble, value: float) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        nodes.first.suffer(trouble, value)
        for _ in range(2):
            nodes.chain.mine()
            head = await rpc.head()
            assert (head.number, head.hash) == (nodes.chain.head.number, nodes.chain.head.hash)


@each_trouble
async def test_a_pinned_question_is_answered_for_its_block(nodes: Nodes, trouble: Trouble, value: float) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        head = await rpc.head()
        nodes.first.suffer(trouble, value)
        truth = nodes.truth()
        nodes.chain.mine(3)
        assert await rpc.call("eth_call", QUESTION, at=head) == truth
        assert await rpc.batch([Call("eth_call", tuple(QUESTION)), Call("eth_getBalance", (TO,))], at=head.hash) == [
            truth,
            hex(head.number),
        ]


@each_trouble
async def test_a_lone_node_in_trouble_gives_a_reason_and_comes_back_by_itself(
    nodes: Nodes, trouble: Trouble, value: float
) -> None:
    patience_s = 0.2 if trouble in (Trouble.HANG, Trouble.SLOW) else 30.0
    patience = dict.fromkeys(("deadline_s", "attempt_s", "look_s"), patience_s)
    async with rpc_to(nodes.first, first_rest_s=0.01, longest_rest_s=0.02, **patience) as rpc:
        head = await in_the_end(rpc.head)
        nodes.first.suffer(trouble, value, methods=["eth_call"])
        if trouble is not Trouble.BEHIND:  # a lone node that is behind is the head there is
            with pytest.raises((Unreachable, Refused), match="ethereum"):
                await rpc.call("eth_call", QUESTION, at=head)
        nodes.first.recover()
        assert await in_the_end(lambda: rpc.call("eth_call", QUESTION)) == nodes.truth()


async def in_the_end(ask: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(2_000):
        try:
            return await ask()
        except Unreachable:
            await asyncio.sleep(0.005)
    raise AssertionError("the node never came back")


async def test_a_node_that_is_dead_from_the_start_is_passed_over(nodes: Nodes) -> None:
    await nodes.first.stop()
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        first, second = rpc.status()
    assert (first.is_fit, first.reason) == (False, "no connection")
    assert (second.is_fit, second.reason, second.chain_id) == (True, "", 31337)
    assert second.head_number == nodes.chain.head.number


async def test_a_node_that_dies_and_returns_is_the_first_again(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second, first_rest_s=0.01, longest_rest_s=0.02) as rpc:
        await rpc.head()
        await nodes.first.stop()
        for _ in range(3):
            nodes.chain.mine()
            assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        await nodes.first.start()
        asked = nodes.first.asked["eth_call"]
        for _ in range(200):
            nodes.chain.mine()
            assert await rpc.call("eth_call", QUESTION) == nodes.truth()
            if nodes.first.asked["eth_call"] > asked:
                return
    raise AssertionError("the first node was never asked again")


async def test_two_nodes_that_hang_leave_a_third_time_within_the_second(nodes: Nodes) -> None:
    usual = RpcSettings("ethereum", 1, (Secret("http://127.0.0.1"),))
    assert 2 * usual.hedge_s + usual.grace_s < 1
    async with two_nodes() as others:
        others.second.backend = nodes.chain
        async with rpc_to(nodes.first, nodes.second, others.second) as rpc:
            nodes.first.suffer(Trouble.HANG)
            nodes.second.suffer(Trouble.HANG)
            assert await rpc.call("eth_call", QUESTION) == nodes.truth()


async def test_a_node_that_failed_lately_tells_the_head_where_the_first_hangs(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second, look_s=3600.0) as rpc:
        nodes.second.suffer(Trouble.HTML)
        await rpc.head()
        assert rpc.status()[1].reason == "html"
        nodes.second.recover()
        nodes.first.suffer(Trouble.HANG)
        nodes.chain.mine()
        assert (await rpc.head()).hash == nodes.chain.head.hash


async def test_a_node_that_dallied_is_asked_last_the_next_time(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        head = await rpc.head()
        nodes.first.suffer(Trouble.HANG, methods=["eth_call"])
        for n in range(5):
            await rpc.call("eth_call", [{"to": TO, "data": hex(n)}], at=head)
        assert nodes.first.asked["eth_call"] == 1
        assert rpc.status()[0].failed["slow"] == 1
        assert rpc.counts().failed_over == 5


async def test_a_node_that_says_429_is_left_alone(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        nodes.first.suffer(Trouble.TOO_MANY, 30)
        for _ in range(5):
            nodes.chain.mine()
            assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert nodes.first.asked.total() == 2  # one look: the chain's id and the head


async def test_with_every_node_at_429_nobody_is_asked(nodes: Nodes) -> None:
    async with rpc_to(nodes.first) as rpc:
        nodes.first.suffer(Trouble.TOO_MANY, 30)
        for _ in range(5):
            with pytest.raises(Unreachable, match="too many"):
                await rpc.call("eth_call", QUESTION)
        assert nodes.first.asked.total() == 2


async def test_a_node_of_another_chain_is_named_and_never_asked_again(nodes: Nodes) -> None:
    nodes.first.backend = ToyChain(chain_id=137, height=900)
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert rpc.status()[0].reason == "is on chain 137, not 31337"
        assert not nodes.first.asked["eth_call"]


async def test_a_node_that_changes_over_to_another_chain_gives_no_wrong_answer(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second, head_age_s=60) as rpc:
        assert await rpc.call("eth_getBlockByNumber", ["0x5", False])
        nodes.first.backend = ToyChain(chain_id=137, height=900)
        block = await rpc.call("eth_getBlockByNumber", ["0x5", False])
        assert block["hash"] == (await nodes.chain.answer("eth_getBlockByNumber", ["0x5"]))["hash"]


async def test_only_nodes_of_another_chain_are_no_nodes(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, chain_id=1) as rpc:
        with pytest.raises(Unreachable, match="is on chain 31337, not 1"):
            await rpc.head()
        with pytest.raises(Unreachable, match="is on chain 31337, not 1"):
            await rpc.call("eth_getTransactionReceipt", ["0x" + "1" * 64])


async def test_a_node_behind_the_others_is_not_asked_for_the_latest(nodes: Nodes) -> None:
    nodes.first.suffer(Trouble.BEHIND, 4)
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call("eth_blockNumber") == hex(nodes.chain.head.number)
        assert rpc.status()[0].reason == "is 4 blocks behind"
        assert rpc.status()[0].lag_blocks == 4
        assert not nodes.first.asked["eth_blockNumber"]


async def test_a_node_that_is_a_little_behind_is_asked_again_for_the_block_it_lacks(nodes: Nodes) -> None:
    async with rpc_to(nodes.first) as rpc:
        await rpc.head()
        head = nodes.chain.mine()
        nodes.first.suffer(Trouble.BEHIND, 1)
        with pytest.raises(Unreachable, match="lacks_block"):
            await rpc.call("eth_call", QUESTION, at=head.hash)
        assert nodes.first.asked["eth_call"] == 3
        assert rpc.status()[0].is_fit


async def test_a_reorganised_chain_shows_its_new_head(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        old = await rpc.head()
        nodes.chain.reorganise(3)
        new = await rpc.head()
        assert (new.number, new.hash) == (old.number, nodes.chain.head.hash)
        with pytest.raises(Unreachable, match="lacks_block"):
            await rpc.call("eth_call", QUESTION, at=old)


async def test_a_revert_is_an_answer_of_its_own_kind(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        with pytest.raises(Reverted, match="execution reverted: K") as caught:
            await rpc.call("eth_call", [{"to": REVERTING}])
        assert caught.value.data == "0x08c379a0"
        reverted, sound = await rpc.batch([Call("eth_call", ({"to": REVERTING},)), Call("eth_call", tuple(QUESTION))])
        assert isinstance(reverted, Reverted)
        assert sound == nodes.truth()
        assert nodes.second.asked["eth_call"] == 3, "a revert is believed once every node says so"
        assert rpc.status()[0].failed == {}


class Reverting(ToyChain):
    """A chain whose node calls every failure of its own a revert."""

    def __init__(self, chain: ToyChain, message: str) -> None:
        self._chain = chain
        self._message = message

    async def answer(self, method: str, params: list[object]) -> object:
        if method == "eth_call":
            raise RpcError(-32603, self._message)
        return await self._chain.answer(method, params)


@pytest.mark.parametrize("message", ["execution reverted", "backend reverted to a snapshot, try again"])
async def test_a_node_that_calls_its_own_failure_a_revert_is_not_believed(nodes: Nodes, message: str) -> None:
    nodes.first.backend = Reverting(nodes.chain, message)
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()


@pytest.mark.parametrize(
    ("method", "params", "nothing"),
    [("eth_getTransactionReceipt", ["0x" + "1" * 64], None), ("eth_call", [{"to": EMPTY}], "0x")],
)
async def test_nothing_is_believed_once_every_node_says_so(
    nodes: Nodes, method: str, params: list[object], nothing: object
) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert await rpc.call(method, params) == nothing
        assert (nodes.first.asked[method], nodes.second.asked[method]) == (1, 1)


async def test_a_node_that_knows_more_is_believed_over_one_that_knows_nothing(nodes: Nodes) -> None:
    nodes.first.suffer(Trouble.NULL, methods=["eth_getBlockByHash"])
    async with rpc_to(nodes.first, nodes.second) as rpc:
        assert (await rpc.block(nodes.chain.head.hash)).number == nodes.chain.head.number


async def test_a_block_that_no_node_has_is_refused(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        with pytest.raises(Refused, match="no node has block 0x1111"):
            await rpc.block("0x" + "1" * 64)


async def test_what_no_node_will_answer_is_refused(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, nodes.second) as rpc:
        with pytest.raises(Refused, match="the method eth_foo does not exist"):
            await rpc.call("eth_foo")
        assert nodes.second.asked["eth_foo"] == 1


async def test_a_node_that_takes_no_batches_is_asked_one_by_one(nodes: Nodes) -> None:
    nodes.first.suffer(Trouble.NO_BATCHES)
    async with rpc_to(nodes.first) as rpc:
        assert await rpc.call("eth_call", QUESTION) == nodes.truth()
        assert await rpc.batch([Call("eth_call", tuple(QUESTION))] * 3) == [nodes.truth()] * 3
        assert rpc.status()[0].failed == {}


async def test_the_latest_is_one_block_for_a_whole_batch(nodes: Nodes) -> None:
    async with rpc_to(nodes.first) as rpc:
        calls = [Call("eth_call", (*QUESTION, "latest")), Call("eth_getBalance", (TO,)), Call("eth_chainId")]
        assert await rpc.batch(calls) == [nodes.truth(), hex(nodes.chain.head.number), hex(31337)]
        assert await rpc.batch([]) == []


@pytest.mark.parametrize(
    ("method", "params", "at", "complaint"),
    [
        ("eth_sendRawTransaction", ["0x00"], None, "only reads"),
        ("eth_getLogs", [{}], "0x" + "1" * 64, "cannot be asked at a block"),
    ],
)
async def test_a_question_that_is_none_is_named(
    nodes: Nodes, method: str, params: list[object], at: str | None, complaint: str
) -> None:
    async with rpc_to(nodes.first) as rpc:
        with pytest.raises(BadInput, match=complaint):
            await rpc.call(method, params, at=at)
        assert not nodes.first.asked


async def test_a_chain_without_nodes_is_named() -> None:
    with pytest.raises(BadInput, match="polygon has no node"):
        RpcSettings("polygon", 137, ())


@each_trouble
async def test_the_key_in_an_address_is_shown_nowhere(nodes: Nodes, trouble: Trouble, value: float) -> None:
    nodes.first.suffer(trouble, value)
    with capture_logs() as logs:
        async with rpc_to(nodes.first, deadline_s=0.1, attempt_s=0.1, look_s=0.1) as rpc:
            shown = ""
            for method, params in (("eth_call", QUESTION), ("eth_getTransactionReceipt", ["0x" + "1" * 64])):
                try:
                    await rpc.call(method, params)
                except (Unreachable, Refused) as error:
                    shown += f"{error!r} {error.__cause__!r} {error.__context__!r}"
            shown += repr(rpc.status())
    assert KEY not in shown + repr(logs)
    assert "127.0.0.1" in shown


async def test_a_budget_that_is_spent_asks_nobody(nodes: Nodes) -> None:
    async with rpc_to(nodes.first, requests_per_s=0.5) as rpc:
        with pytest.raises(Unreachable, match="budget of rpc:ethereum is spent"):
            await rpc.batch([Call("eth_getTransactionReceipt", ("0x" + "1" * 64,))] * 50)
        assert not nodes.first.asked
        assert not rpc.counts().is_budget_shared


async def test_data_is_asked_as_given(nodes: Nodes) -> None:
    async with rpc_to(nodes.first) as rpc:
        answer = await rpc.call("eth_call", [{"to": TO, "data": DATA}])
        other = await rpc.call("eth_call", [{"to": TO, "data": "0x01"}])
        assert answer != other


async def test_a_question_left_by_its_asker_troubles_nobody(nodes: Nodes) -> None:
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    async with rpc_to(nodes.first) as rpc:
        head = await rpc.head()
        nodes.first.suffer(Trouble.SLOW, 0.02)
        for question in (rpc.call("eth_call", QUESTION, at=head), rpc.head()):
            leaving = asyncio.create_task(question)
            await asyncio.sleep(0.005)
            leaving.cancel()
        nodes.first.backend = ToyChain(chain_id=1)
        await asyncio.sleep(0.05)
    gc.collect()
    assert not troubles
