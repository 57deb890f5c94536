"""JSON-RPC as bytes: an answer is taken whole and for its own question, or it is none."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.venues.evm.jsonrpc import BatchRefused, Call, NodeFault, Reverted, block_of, decode, decode_one, encode
from trading.venues.evm.methods import is_sound, needs_head, pinned

CALLS = [Call("eth_call", ({"to": "0x01"}, "latest")), Call("eth_chainId")]
HASH = "0x" + "1a" * 32
HEADER = {
    "number": "0x64",
    "hash": HASH,
    "parentHash": "0x" + "2b" * 32,
    "timestamp": "0x68e77bc0",
    "baseFeePerGas": "0x3b9aca00",
    "gasUsed": "0x1",
    "gasLimit": "0x1c9c380",
}


def reply(number: object, **fields: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, **fields}


def error(code: object, message: object, **more: object) -> dict[str, object]:
    return {"code": code, "message": message, **more}


def reason_of(*replies: object) -> str:
    with pytest.raises(NodeFault) as caught:
        decode(json.dumps(list(replies)).encode(), CALLS, first_id=7)
    return caught.value.reason


def test_a_batch_is_numbered_in_order() -> None:
    assert json.loads(encode(CALLS, first_id=7)) == [
        {"jsonrpc": "2.0", "id": 7, "method": "eth_call", "params": [{"to": "0x01"}, "latest"]},
        {"jsonrpc": "2.0", "id": 8, "method": "eth_chainId", "params": []},
    ]


def test_answers_out_of_order_are_put_in_order() -> None:
    body = json.dumps([reply(8, result="0x1"), reply(7, result="0xab", error=None)]).encode()
    assert decode(body, CALLS, first_id=7) == ["0xab", "0x1"]


@pytest.mark.parametrize(
    "ids", [(7,), (7, 8, 9), (7, 7), (8, 9), (7, None), (7, "8"), (7, 8.0), (True, 8), (7, 10**30), ()]
)
def test_answers_to_other_questions_are_none(ids: tuple[object, ...]) -> None:
    assert reason_of(*(reply(number, result="0x1") for number in ids)) in ("wrong_id", "malformed")


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (-32000, "header not found", "lacks_block"),
        (-32000, "missing trie node 12ab (path )", "lacks_block"),
        (-32001, "Resource not found", "lacks_block"),
        (-32602, "BlockOutOfRangeError: block height is 0 but requested was 153", "lacks_block"),
        (-32000, "hash 0x1a is not currently canonical", "lacks_block"),
        (429, "Your app has exceeded its compute units per second capacity", "too_many"),
        (-32005, "daily request count exceeded, request rate limited", "too_many"),
        (-32005, "query returned more than 10000 results", "refused"),
        (-32600, "block range is too wide", "refused"),
        (-32601, "the method eth_foo does not exist", "refused"),
        (-32602, "invalid argument 0", "refused"),
        (-32603, "internal error", "error"),
        (None, None, "error"),
        (3, "execution reverted", "error"),  # of eth_chainId there is no revert
    ],
)
def test_what_a_node_complains_of_is_told_apart(code: object, message: object, reason: str) -> None:
    assert reason_of(reply(7, result="0x"), reply(8, error=error(code, message))) == reason


@pytest.mark.parametrize(
    ("given_error", "data"),
    [
        (error(3, "execution reverted: K", data="0x08c379a0"), "0x08c379a0"),
        (error(-32000, "execution reverted"), "0x"),
        (error(-32015, "VM execution error.", data="Reverted 0x"), "0x"),
        (error(-32000, "invalid opcode: INVALID"), "0x"),
    ],
)
def test_a_revert_is_a_result(given_error: dict[str, object], data: str) -> None:
    body = json.dumps([reply(7, error=given_error), reply(8, result="0x1")]).encode()
    reverted, chain_id = decode(body, CALLS, first_id=7)
    assert isinstance(reverted, Reverted)
    assert (reverted.data, chain_id) == (data, "0x1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed"),
        (b"<html>", "html"),
        (b"  <!DOCTYPE html>", "html"),
        (b'[{"id":7,"result":"0x1"},{"id":8,"resu', "malformed"),
        (b'[{"id":7,"result":NaN},{"id":8,"result":1}]', "malformed"),
        (b"[[]]", "malformed"),
        (b"null", "malformed"),
        (b"[" * 5000, "malformed"),
        (b'[{"id":7},{"id":8,"result":"0x1"}]', "malformed"),
        (b'[{"id":7,"error":"no"},{"id":8,"result":"0x1"}]', "malformed"),
        (b'"\xff"', "malformed"),
    ],
)
def test_what_is_no_answer_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(NodeFault) as caught:
        decode(body, CALLS, first_id=7)
    assert caught.value.reason == reason


def test_one_answer_to_several_questions_may_mean_that_batches_are_not_taken() -> None:
    with pytest.raises(BatchRefused, match="batch"):
        decode(json.dumps(reply(None, error=error(-32600, "batch not supported"))).encode(), CALLS, first_id=7)
    with pytest.raises(BatchRefused, match="malformed"):
        decode(json.dumps(reply(7, result="0x1")).encode(), CALLS, first_id=7)
    with pytest.raises(NodeFault) as caught:
        decode(json.dumps(reply(None, error=error(429, "too many requests"))).encode(), CALLS, first_id=7)
    assert not isinstance(caught.value, BatchRefused)


@given(body=st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    for read in (
        lambda: decode(body, CALLS, first_id=7),
        lambda: decode_one(body, CALLS[0], number=7),
    ):
        with pytest.raises(NodeFault):
            read()


@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.integers(0, 10**6))
def test_no_changed_byte_breaks_the_reader(at: int, byte: int, cut: int) -> None:
    body = bytearray(json.dumps([reply(7, result="0xab"), reply(8, error=error(3, "reverted", data="0x"))]).encode())
    body[at % len(body)] = byte
    try:
        results = decode(bytes(body[: max(1, cut % (2 * len(body)))]), CALLS, first_id=7)
    except NodeFault:
        return
    assert len(results) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("0x1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*HEADER, "x"]), inner, max_size=8),
)


@given(fields=json_values)
@example(HEADER)
@example({**HEADER, "number": "-0x1"})
@example({**HEADER, "timestamp": "0xffffffffff"})
def test_a_header_is_whole_or_none(fields: Any) -> None:
    try:
        block = block_of(fields)
    except NodeFault as fault:
        assert fault.reason == "malformed"
    else:
        assert block.number >= 0
        assert block.base_fee_wei >= 0
        assert 0 <= block.at_ns < 2**63


@pytest.mark.parametrize("missing", [*HEADER])
def test_a_header_without_any_of_its_fields_is_named(missing: str) -> None:
    with pytest.raises(NodeFault, match=missing):
        block_of({key: value for key, value in HEADER.items() if key != missing})


@pytest.mark.parametrize(
    ("call", "result", "sound"),
    [
        (Call("eth_call"), "0xab", True),
        (Call("eth_call"), "0x", True),
        (Call("eth_call"), "0xa", False),
        (Call("eth_call"), "0xa b ", False),
        (Call("eth_call"), "ab", False),
        (Call("eth_call"), 171, False),
        (Call("eth_call"), None, False),
        (Call("eth_call"), Reverted("no"), True),
        (Call("eth_chainId"), "0x1", True),
        (Call("eth_chainId"), "0x", False),
        (Call("eth_chainId"), "0x" + "f" * 65, False),
        (Call("eth_chainId"), 1, False),
        (Call("eth_getBlockByHash", (HASH, False)), HEADER, True),
        (Call("eth_getBlockByHash", (HASH.upper().replace("X", "x"), False)), HEADER, True),
        (Call("eth_getBlockByHash", ("0x" + "00" * 32, False)), HEADER, False),
        (Call("eth_getBlockByNumber", ("0x64", False)), HEADER, True),
        (Call("eth_getBlockByNumber", ("0x65", False)), HEADER, False),
        (Call("eth_getBlockByNumber", ("latest", False)), HEADER, True),
        (Call("eth_getBlockByNumber", ("latest", False)), [], False),
        (Call("eth_getBlockByNumber", ("0x64", False)), None, True),
        (Call("eth_getTransactionReceipt", (HASH,)), {"transactionHash": HASH}, True),
        (Call("eth_getTransactionReceipt", (HASH,)), {"transactionHash": "0x01"}, False),
        (Call("eth_getTransactionByHash", (HASH,)), {"hash": HASH}, True),
        (Call("eth_getLogs", ({"blockHash": HASH},)), [{"blockHash": HASH}], True),
        (Call("eth_getLogs", ({"blockHash": HASH},)), [{"blockHash": "0x01"}], False),
        (Call("eth_getLogs", ({"fromBlock": "0x1"},)), [{"blockHash": "0x01"}], True),
        (Call("eth_getLogs", ({"fromBlock": "0x1"},)), [1], False),
        (Call("web3_clientVersion"), "anvil", True),
    ],
)
def test_an_answer_has_the_shape_of_its_question(call: Call, result: object, *, sound: bool) -> None:
    assert is_sound(call, result) is sound


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        (Call("eth_blockNumber"), True),
        (Call("eth_call", ({}, "latest")), True),
        (Call("eth_call", ({}, {"blockHash": HASH})), False),
        (Call("eth_getLogs", ({"fromBlock": "0x1"},)), True),
        (Call("eth_getLogs", ({"fromBlock": "0x1", "toBlock": "0x2"},)), False),
        (Call("eth_getLogs", ({"blockHash": HASH},)), False),
        (Call("eth_getTransactionReceipt", (HASH,)), False),
    ],
)
def test_what_the_newest_block_decides_needs_a_node_that_has_it(call: Call, *, needs: bool) -> None:
    assert needs_head(call) is needs


def test_a_call_is_pinned_where_its_method_names_the_block() -> None:
    assert pinned(Call("eth_call", ({}, "latest")), HASH).params == ({}, {"blockHash": HASH})
    assert pinned(Call("eth_call", ({},)), HASH).params == ({}, {"blockHash": HASH})
    assert pinned(Call("eth_getStorageAt", ("0x1", "0x0")), HASH).params == ("0x1", "0x0", {"blockHash": HASH})
