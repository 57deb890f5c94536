"""What each method of a node is asked about, and what its answer must look like."""

from collections.abc import Callable
from typing import Any

from domain.errors import BadInput, BadMarketData
from trading.venues.evm.jsonrpc import Call, Reverted
from trading.venues.evm.wire import quantity, raw

_LATEST = "latest"
_NAMED = frozenset({_LATEST, "earliest", "pending", "safe", "finalized"})
EMPTY = "0x"  # of eth_call: nothing came back, as from an address without code

# Where each method that reads state names its block.
_BLOCK_AT = {
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
}
_OF_THE_HEAD = frozenset({"eth_blockNumber", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_feeHistory"})
_MAY_BE_NULL = frozenset(
    {"eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByHash", "eth_getBlockByNumber"}
)


def check_reads(call: Call) -> None:
    """Raise BadInput for a method that sends: what leaves us leaves by another door."""
    if call.method.startswith("eth_send"):
        raise BadInput(f"{call.method} sends a transaction, and this client only reads")


def is_of_latest(call: Call) -> bool:
    """Return whether ``call`` reads state at the newest block, whichever that is."""
    place = _BLOCK_AT.get(call.method)
    return place is not None and (len(call.params) <= place or call.params[place] == _LATEST)


def is_of_one_block(call: Call) -> bool:
    """Return whether ``call`` names its block by hash: the answer stays what it is."""
    has_hash = any(isinstance(param, dict) and "blockHash" in param for param in call.params)
    return has_hash or call.method == "eth_getBlockByHash"


def needs_head(call: Call) -> bool:
    """Return whether a node that is behind would answer wrongly."""
    return call.method in _OF_THE_HEAD or _LATEST in call.params or _names_latest(call)


def pinned(call: Call, block_hash: str) -> Call:
    """Return ``call`` at the block of that hash (EIP-1898). Raises: BadInput if its method names no block."""
    place = _BLOCK_AT.get(call.method)
    if place is None or len(call.params) < place:
        raise BadInput(f"{call.method} with {len(call.params)} parameters cannot be asked at a block")
    return Call(call.method, (*call.params[:place], {"blockHash": block_hash}, *call.params[place + 1 :]))


def is_sound(call: Call, result: Any) -> bool:
    """Return whether ``result`` has the shape of an answer to ``call``, and speaks of what was asked."""
    if isinstance(result, Reverted):
        return True
    if result is None:
        return call.method in _MAY_BE_NULL
    shape = _SHAPES.get(call.method)
    return shape is None or shape(call, result)


def _names_latest(call: Call) -> bool:
    if call.method != "eth_getLogs" or not call.params or not isinstance(call.params[0], dict):
        return False
    wanted = call.params[0]
    return "blockHash" not in wanted and wanted.get("toBlock", _LATEST) == _LATEST


def _is_quantity(_: Call, result: Any) -> bool:
    return _number(result) is not None


def _is_data(_: Call, result: Any) -> bool:
    try:
        raw(result)
    except BadMarketData:
        return False
    return True


def _is_header(call: Call, result: Any) -> bool:
    if not isinstance(result, dict) or not isinstance(result.get("hash"), str):
        return False
    asked = call.params[0] if call.params else None
    if call.method == "eth_getBlockByHash":
        return _is_same(result["hash"], asked)
    return not isinstance(asked, str) or asked in _NAMED or _number(result.get("number")) == int(asked, 16)


def _is_of_its_transaction(call: Call, result: Any) -> bool:
    key = "transactionHash" if call.method == "eth_getTransactionReceipt" else "hash"
    return isinstance(result, dict) and _is_same(result.get(key), call.params[0])


def _are_logs(call: Call, result: Any) -> bool:
    if not isinstance(result, list) or not all(isinstance(entry, dict) for entry in result):
        return False
    block_hash = call.params[0].get("blockHash") if call.params and isinstance(call.params[0], dict) else None
    return block_hash is None or all(_is_same(entry.get("blockHash"), block_hash) for entry in result)


def _is_same(given: Any, asked: Any) -> bool:
    return isinstance(given, str) and isinstance(asked, str) and given.lower() == asked.lower()


def _number(given: Any) -> int | None:
    try:
        return quantity(given)
    except BadMarketData:
        return None


_SHAPES: dict[str, Callable[[Call, Any], bool]] = {
    **dict.fromkeys(("eth_call", "eth_getCode", "eth_getStorageAt"), _is_data),
    **dict.fromkeys(("eth_getBlockByHash", "eth_getBlockByNumber"), _is_header),
    **dict.fromkeys(("eth_getTransactionReceipt", "eth_getTransactionByHash"), _is_of_its_transaction),
    **dict.fromkeys(
        (
            "eth_chainId",
            "eth_blockNumber",
            "eth_gasPrice",
            "eth_maxPriorityFeePerGas",
            "eth_getBalance",
            "eth_getTransactionCount",
            "eth_estimateGas",
        ),
        _is_quantity,
    ),
    "eth_getLogs": _are_logs,
}
