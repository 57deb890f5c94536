"""A chain of headers alone: every answer follows from the block it is asked at, so that a wrong one shows."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

REVERTING = "0x" + "dead" * 10  # calls to this address revert
EMPTY = "0x" + "e0" * 20  # and this one has no code
GENESIS_S = 1_760_000_000
BLOCK_TIME_S = 12


class RpcError(Exception):
    """What a node answers instead of a result."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Backend(Protocol):
    """What a node knows."""

    async def answer(self, method: str, params: list[Any]) -> Any:
        """Return the result of one call. Raises: RpcError."""


@dataclass(frozen=True, slots=True)
class ToyBlock:
    """A header and its parent's hash."""

    number: int
    hash: str
    parent_hash: str

    def fields(self) -> dict[str, str]:
        """Return the header as a node writes it."""
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent_hash,
            "timestamp": hex(GENESIS_S + self.number * BLOCK_TIME_S),
            "baseFeePerGas": hex(10**9 + self.number),
            "gasUsed": hex(15_000_000),
            "gasLimit": hex(30_000_000),
        }


class ToyChain:
    """Blocks that are mined and undone on command; ``call_result`` is the truth that answers are held against."""

    def __init__(self, *, chain_id: int = 31337, height: int = 100, genesis: str = "genesis") -> None:
        self.chain_id = chain_id
        self._forks = 0
        self._blocks = [ToyBlock(0, _hash(chain_id, genesis), "0x" + "00" * 32)]
        self.mine(height)

    @property
    def head(self) -> ToyBlock:
        """Return the newest block."""
        return self._blocks[-1]

    def mine(self, count: int = 1) -> ToyBlock:
        """Add ``count`` blocks, and return the newest."""
        for _ in range(count):
            parent = self.head
            block_hash = _hash(self.chain_id, parent.hash, self._forks)
            self._blocks.append(ToyBlock(parent.number + 1, block_hash, parent.hash))
        return self.head

    def reorganise(self, depth: int) -> ToyBlock:
        """Replace the last ``depth`` blocks by others, and return the newest."""
        del self._blocks[-depth:]
        self._forks += 1
        return self.mine(depth)

    def call_result(self, block_hash: str, to: str, data: str) -> str:
        """Return what a call answers at a block."""
        return _hash(self.chain_id, block_hash, to, data)

    async def answer(self, method: str, params: list[Any]) -> Any:
        """Return the result of one call. Raises: RpcError."""
        answer = self._answers().get(method)
        if answer is None:
            raise RpcError(-32601, f"the method {method} does not exist")
        return answer(params)

    def _answers(self) -> dict[str, Callable[[list[Any]], Any]]:
        return {
            "eth_chainId": lambda _: hex(self.chain_id),
            "eth_blockNumber": lambda _: hex(self.head.number),
            "eth_getBlockByNumber": lambda params: self._header(self._at(params[0])),
            "eth_getBlockByHash": lambda params: self._header(self._by_hash(params[0])),
            "eth_getTransactionReceipt": lambda _: None,
            "eth_getLogs": lambda _: [],
            "eth_getBalance": lambda params: hex(self._known(params[1]).number),
            "eth_call": self._call,
        }

    def _call(self, params: list[Any]) -> str:
        to, block = params[0]["to"], self._known(params[1])
        if to == REVERTING:
            raise RpcError(3, "execution reverted: K", "0x08c379a0")
        return "0x" if to == EMPTY else self.call_result(block.hash, to, params[0].get("data", "0x"))

    def _known(self, which: Any) -> ToyBlock:
        block = self._by_hash(which["blockHash"]) if isinstance(which, dict) else self._at(which)
        if block is None:
            raise RpcError(-32000, "header not found")
        return block

    def _at(self, which: str) -> ToyBlock | None:
        number = self.head.number if which == "latest" else int(which, 16)
        return self._blocks[number] if number < len(self._blocks) else None

    def _by_hash(self, block_hash: str) -> ToyBlock | None:
        return next((block for block in reversed(self._blocks) if block.hash == block_hash), None)

    @staticmethod
    def _header(block: ToyBlock | None) -> dict[str, str] | None:
        return block.fields() if block else None


def _hash(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()
