"""What nodes of a chain answer and announce, and the file of its pools."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fakes import FixedClock
from tests.fuzz.mutate import spoil_bytes, spoil_json
from tests.fuzz.shape import Shape
from trading.venues.evm import wire
from trading.venues.evm.deployment import read_deployment
from trading.venues.evm.heads import HeadConversation, Nudge
from trading.venues.evm.jsonrpc import Call, Reverted, block_of, decode, decode_one
from trading.venues.evm.multicall import cut
from trading.venues.health import FeedHealth

HASH = "0x" + "ab" * 32
POOL = "0x" + "11" * 20
ETH_CALL = Call("eth_call", ({"to": POOL, "data": "0x"}, "latest"))
HEADER = {
    "number": "0x10d4f",
    "hash": HASH,
    "parentHash": "0x" + "cd" * 32,
    "timestamp": "0x65f0c2b0",
    "baseFeePerGas": "0x3b9aca00",
    "gasUsed": "0xe4e1c0",
    "gasLimit": "0x1c9c380",
}
RESERVES = wire.word(10**21) + wire.word(2 * 10**12) + wire.word(1_700_000_000)


def shapes() -> list[Shape]:
    """Return every shape of a chain."""
    head = {"method": "eth_subscription", "params": {"subscription": "0x1", "result": HEADER}}
    return [
        _json("rpc_result", _reply(1, result="0x" + RESERVES.hex()), _read_reserves),
        _json("rpc_batch", [_reply(1, result="0x1f"), _reply(2, result="0x20")], _read_batch),
        _json("rpc_error", _reply(1, error={"code": -32005, "message": "rate limit"}), _read_reserves),
        _json(
            "rpc_revert",
            _reply(1, error={"code": 3, "message": "execution reverted", "data": "0x08c3"}),
            _read_reserves,
        ),
        _json("rpc_block", _reply(1, result=HEADER), _read_block),
        _json("rpc_logs_v2", _reply(1, result=[_log(wire.SYNC, data=RESERVES[:64])]), _read_logs),
        _json("rpc_logs_v3", _reply(1, result=_v3_logs()), _read_logs),
        _json("rpc_multicall", _reply(1, result="0x" + _multicall().hex()), _read_multicall),
        Shape("multicall_bytes", _multicall(), spoil_bytes, _cut),
        _json("ws_new_head", head, _heard),
        _json("ws_chain_id", _reply("chain", result="0x7a69"), _heard),
        _json("ws_subscribed", _reply("heads", result="0x9cef"), _heard),
        _json("deployment_file", _deployment(), _read_deployment),
    ]


def _reply(number: object, **rest: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, **rest}


def _log(*topics: int, data: bytes, place: int = 0) -> dict[str, object]:
    return {
        "logIndex": hex(place),
        "address": POOL,
        "topics": [f"0x{topic:064x}" for topic in topics],
        "data": "0x" + data.hex(),
        "blockHash": HASH,
        "removed": False,
    }


def _v3_logs() -> list[dict[str, object]]:
    swap = b"".join(map(wire.word, (5, -7, 2**96, 10**18, -200)))
    mint = b"".join(map(wire.word, (1, 10**15, 3, 4)))
    lower, upper = (int.from_bytes(wire.word(tick), "big") for tick in (-600, 600))
    return [_log(wire.V3_SWAP, 1, 2, data=swap), _log(wire.V3_MINT, 1, lower, upper, data=mint, place=1)]


def _multicall() -> bytes:
    answers = (RESERVES, b"", wire.word(6))
    tuples = [wire.word(1) + wire.word(64) + wire.word(len(one)) + one + bytes(-len(one) % 32) for one in answers]
    offsets = [wire.word(32 * len(tuples) + sum(map(len, tuples[:place]))) for place in range(len(tuples))]
    return wire.word(32) + wire.word(len(tuples)) + b"".join(offsets) + b"".join(tuples)


def _deployment() -> dict[str, object]:
    usdc, weth = "0x" + "22" * 20, "0x" + "33" * 20
    return {
        "chain_id": 31337,
        "multicall3": "0x" + "44" * 20,
        "router": "0x" + "55" * 20,
        "wrapped_native": weth,
        "native": "ETH",
        "tokens": [
            {"address": usdc, "symbol": "USDC", "decimals": 6, "asset": "USDC"},
            {"address": weth, "symbol": "WETH", "decimals": 18, "asset": "ETH"},
        ],
        "pools": [
            {"venue": "uniswap_v2", "kind": "v2", "factory": "0x" + "66" * 20, "address": POOL, "base": weth,
             "quote": usdc, "fee_pips": 3000},
        ],
    }  # fmt: skip


def _read_reserves(body: bytes) -> Iterable[object]:
    result = decode_one(body, ETH_CALL, number=1)
    return [] if isinstance(result, Reverted) else wire.reserves_of(wire.raw(result))


def _read_batch(body: bytes) -> Iterable[object]:
    return [wire.quantity(one) for one in decode(body, [Call("eth_chainId"), Call("eth_blockNumber")], first_id=1)]


def _read_block(body: bytes) -> Iterable[object]:
    return [block_of(decode_one(body, Call("eth_getBlockByNumber"), number=1))]


def _read_logs(body: bytes) -> Iterable[object]:
    rows = decode_one(body, Call("eth_getLogs"), number=1)
    return [wire.event_of(log) for log in wire.parse_logs(rows, block_hash=HASH)]


def _read_multicall(body: bytes) -> Iterable[object]:
    result = decode_one(body, ETH_CALL, number=1)
    return [] if isinstance(result, Reverted) else _cut(wire.raw(result))


def _cut(answer: bytes) -> Iterable[object]:
    reserves, nothing, decimals = cut(answer, 3)
    found: list[object] = list(wire.reserves_of(reserves)) if reserves is not None else []
    return found + ([wire.words(decimals, 1)] if decimals is not None else []) + [nothing]


def _heard(frame: bytes) -> Iterable[object]:
    talk = HeadConversation(
        "ethereum", 31337, Nudge(), health=FeedHealth("ethereum", origin="ethereum"), clock=FixedClock()
    )
    return talk.answer(frame.decode("utf-8", "replace"))


_FOLDER = TemporaryDirectory(prefix="arbsite-fuzz-")


def _read_deployment(body: bytes) -> Iterable[object]:
    path = Path(_FOLDER.name) / "deployment.json"
    path.write_bytes(body)
    return read_deployment(path).pools


def _json(name: str, told: Any, read: Callable[[bytes], Iterable[object]]) -> Shape:
    return Shape(name, json.dumps(told).encode(), spoil_json, read)
