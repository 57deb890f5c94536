"""JSON-RPC as bytes: what we ask, what a node may answer, and how an answer that is none is told apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from domain.errors import Refused, Unreachable

REVERT_CODE = 3
REST_S = 1.0  # of a node that was asked too often and does not say for how long
LAST_INSTANT_S = 2**63 // 10**9  # beyond it nanoseconds outgrow 64 bits
EXECUTIONS = frozenset({"eth_call", "eth_estimateGas"})

# A node's own words for what is wrong, by what follows from it; their codes differ from client to client.
_REVERTED = re.compile(r"revert|invalid opcode|invalid jump|vm execution error", re.IGNORECASE)
_TOO_MANY = re.compile(r"rate.?limit|too many requests|request limit|capacity|compute units|throttl", re.IGNORECASE)
_TOO_LARGE = re.compile(r"more than \d+|block range|range .*too|response size|query (returned|exceeds)", re.IGNORECASE)
_LACKS_BLOCK = re.compile(
    r"header not found|unknown block|block not found|blockoutofrange|block ?out ?of ?range|not currently canonical"
    r"|missing trie node|state (is )?not available|historical state|could not find block|no state|hash .*not found",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_TOO_MANY_CODES = frozenset({429, -32005, -32029, -32097})
_NOT_FOUND = -32001  # "resource not found": the block that was asked at
_FAULTS_OF_THE_QUESTION = frozenset({-32600, -32601, -32602, -32604})


class Call(NamedTuple):
    """One method and what it is asked."""

    method: str
    params: tuple[Any, ...] = ()


class Reverted(Refused):
    """The contract turned the call down: an answer of its own kind; ``data`` is what it gave as hex."""

    def __init__(self, message: str, data: str = "0x") -> None:
        super().__init__(message)
        self.data = data


class NodeFault(Unreachable):
    """One node gave no answer that can be used; ``reason`` is counted."""

    def __init__(self, reason: str, detail: str = "", *, rest_s: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.rest_s = rest_s  # how long the node itself wants to be left alone

    @property
    def is_of_the_question(self) -> bool:
        """Whether the node understood the question and will not answer it."""
        return self.reason == "refused"


class BatchRefused(NodeFault):
    """One answer came to several questions: the node may take them one by one alone."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header; ``base_fee_wei`` is what the block itself cost per unit of gas."""

    number: int
    hash: str
    parent_hash: str
    at_ns: int
    base_fee_wei: int
    gas_used: int
    gas_limit: int


class _Error(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    data: Any = None


class _Reply(msgspec.Struct):
    id: Any = None
    result: Any = msgspec.UNSET
    error: _Error | None = None


_replies: msgspec.json.Decoder[list[_Reply] | _Reply] = msgspec.json.Decoder(list[_Reply] | _Reply)
_encoder = msgspec.json.Encoder()


def encode(calls: Sequence[Call], *, first_id: int) -> bytes:
    """Return the batch of ``calls``, numbered from ``first_id``."""
    return _encoder.encode([_request(call, first_id + i) for i, call in enumerate(calls)])


def encode_one(call: Call, *, number: int) -> bytes:
    """Return ``call`` alone."""
    return _encoder.encode(_request(call, number))


def decode(body: bytes, calls: Sequence[Call], *, first_id: int) -> list[Any]:
    """Return one result per call, a Reverted where the contract turned it down. Raises: NodeFault."""
    replies = _parse(body)
    if isinstance(replies, _Reply):
        raise _refusal_of_batch(replies)
    by_id = {reply.id: reply for reply in replies if isinstance(reply.id, int)}
    if len(replies) != len(calls) or by_id.keys() != set(range(first_id, first_id + len(calls))):
        raise _first_error(replies) or NodeFault("wrong_id")
    return [_result_of(by_id[first_id + i], call) for i, call in enumerate(calls)]


def decode_one(body: bytes, call: Call, *, number: int) -> Any:
    """Return the result of ``call`` asked alone. Raises: NodeFault."""
    reply = _parse(body)
    if not isinstance(reply, _Reply):
        raise NodeFault("malformed", "several answers to one question")
    if reply.id != number or isinstance(reply.id, bool):
        raise _fault_of(reply.error) if reply.error else NodeFault("wrong_id")
    return _result_of(reply, call)


def block_of(fields: Any) -> Block:
    """Return the header that a node gave. Raises: NodeFault malformed."""
    try:
        return Block(
            number=_whole(fields, "number"),
            hash=_hash(fields, "hash"),
            parent_hash=_hash(fields, "parentHash"),
            at_ns=_whole(fields, "timestamp", most=LAST_INSTANT_S) * 10**9,
            base_fee_wei=_whole(fields, "baseFeePerGas"),
            gas_used=_whole(fields, "gasUsed"),
            gas_limit=_whole(fields, "gasLimit"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NodeFault("malformed", f"a header without a sound {error}") from None


def _whole(fields: Any, name: str, *, most: int = 2**64) -> int:
    text = fields[name]
    if not _QUANTITY.fullmatch(text) or int(text, 16) > most:
        raise ValueError(name)
    return int(text, 16)


def _hash(fields: Any, name: str) -> str:
    text = fields[name]
    if not _HASH.fullmatch(text):
        raise ValueError(name)
    return str(text)


def _request(call: Call, number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}


def _parse(body: bytes) -> "list[_Reply] | _Reply":
    try:
        return _replies.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        reason = "html" if body.lstrip()[:1] == b"<" else "malformed"
        raise NodeFault(reason, f"{len(body)} bytes that are no JSON-RPC") from None


def _result_of(reply: _Reply, call: Call) -> Any:
    if reply.error is not None:
        if call.method in EXECUTIONS and _is_revert(reply.error):
            return _reverted(reply.error)
        raise _fault_of(reply.error)
    if reply.result is msgspec.UNSET:
        raise NodeFault("malformed", "neither a result nor an error")
    return reply.result


def _is_revert(error: _Error) -> bool:
    return error.code == REVERT_CODE or bool(_REVERTED.search(error.message or ""))


def _reverted(error: _Error) -> Reverted:
    data = error.data if isinstance(error.data, str) and error.data.startswith("0x") else "0x"
    return Reverted(error.message or "execution reverted", data)


def _fault_of(error: _Error) -> NodeFault:
    message = (error.message or "")[:160]
    if error.code == _NOT_FOUND or _LACKS_BLOCK.search(message):
        return NodeFault("lacks_block", message)
    if _TOO_LARGE.search(message):
        return NodeFault("refused", message)
    if error.code in _TOO_MANY_CODES or _TOO_MANY.search(message):
        return NodeFault("too_many", message, rest_s=REST_S)
    if error.code in _FAULTS_OF_THE_QUESTION:
        return NodeFault("refused", message)
    return NodeFault("error", f"{error.code} {message}".strip())


def _refusal_of_batch(reply: _Reply) -> NodeFault:
    if reply.error is None:
        return BatchRefused("malformed", "one answer to several questions")
    fault = _fault_of(reply.error)
    return fault if fault.reason == "too_many" else BatchRefused(fault.reason, str(fault))


def _first_error(replies: Sequence[_Reply]) -> NodeFault | None:
    return next((_fault_of(reply.error) for reply in replies if reply.error), None)
