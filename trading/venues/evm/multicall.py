"""Many reads in one call: Multicall3 with calldata packed once, and its answer cut at its offsets.

Source: github.com/mds1/multicall3, aggregate3((address,bool,bytes)[]) -> (bool,bytes)[]; the Solidity ABI.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.errors import BadMarketData, Refused
from trading.venues.evm.jsonrpc import Block, Reverted
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.wire import AGGREGATE3, WORD, address_word, raw, word

MOST_CALLS = 400  # in one eth_call: nodes bound its gas and the length of its answer
_MAY_FAIL = word(1)


class Read(NamedTuple):
    """One call to a contract that changes nothing."""

    target: str
    data: bytes


class Packed(NamedTuple):
    """Reads as the requests that carry them: made once, sent at every block."""

    multicall3: str
    payloads: tuple[str, ...]
    counts: tuple[int, ...]


def pack(multicall3: str, reads: Sequence[Read], *, most_calls: int = MOST_CALLS) -> Packed:
    """Return the requests that carry ``reads``, in their order."""
    parts = [reads[at : at + most_calls] for at in range(0, len(reads), most_calls)]
    return Packed(multicall3, tuple(f"0x{_calldata(part).hex()}" for part in parts), tuple(map(len, parts)))


def _calldata(reads: Sequence[Read]) -> bytes:
    tuples = [_encoded(read) for read in reads]
    offsets, at = [], len(reads) * WORD
    for encoded in tuples:
        offsets.append(word(at))
        at += len(encoded)
    return AGGREGATE3 + word(WORD) + word(len(reads)) + b"".join(offsets) + b"".join(tuples)


def _encoded(read: Read) -> bytes:
    padding = bytes(-len(read.data) % WORD)
    return address_word(read.target) + _MAY_FAIL + word(3 * WORD) + word(len(read.data)) + read.data + padding


def cut(answer: bytes, count: int) -> list[bytes | None]:
    """Return what each of ``count`` reads returned, None for one that reverted. Raises: BadMarketData."""
    number = int.from_bytes
    if len(answer) < 2 * WORD or number(answer[WORD : 2 * WORD], "big") != count:
        raise BadMarketData("truncated", f"{len(answer)} bytes for {count} reads")
    found: list[bytes | None] = []
    for place in range(2 * WORD, (2 + count) * WORD, WORD):
        at = 2 * WORD + number(answer[place : place + WORD], "big")
        start = at + 3 * WORD
        end = start + number(answer[at + 2 * WORD : start], "big")
        if end > len(answer):
            raise BadMarketData("truncated", f"{len(answer)} bytes where {end} are told")
        found.append(answer[start:end] if answer[at + WORD - 1] else None)
    return found


async def read_all(rpc: Rpc, packed: Packed, *, at: Block) -> list[bytes | None]:
    """Return what each read returned at one block, None for one that reverted.

    Raises: Refused where Multicall3 is not there; Unreachable; BadMarketData.
    """
    found: list[bytes | None] = []
    for payload, count in zip(packed.payloads, packed.counts, strict=True):
        answer = raw(await _answer(rpc, packed.multicall3, payload, at))
        if not answer:
            raise Refused(f"{packed.multicall3}, the table's multicall3, has no code on this chain")
        found += cut(answer, count)
    return found


async def _answer(rpc: Rpc, multicall3: str, payload: str, at: Block) -> Any:
    try:
        return await rpc.call("eth_call", [{"to": multicall3, "data": payload}], at=at)
    except Reverted as reverted:
        raise Refused(f"{multicall3}, the table's multicall3, does not answer as one: {reverted}") from reverted
