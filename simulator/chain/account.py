"""An account of the node's own: it sends calls by signature and deploys contracts."""

from dataclasses import dataclass
from typing import Any

from domain.errors import Refused
from simulator.chain import abi
from simulator.chain.client import NodeClient

GAS_LIMIT = 8_000_000  # of what is mined at once
POSTED_GAS = 500_000  # of a call that shares its block
MAX_FEE_WEI = 10_000 * 10**9
TIP_WEI = 10**9
_INVALID = "0xfe"  # the instruction that takes all gas and does nothing
FOREVER = 2**48  # a deadline


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction."""

    tx_hash: str
    block_number: int
    gas_used: int
    contract: str | None
    logs: tuple[dict[str, Any], ...]


class Account:
    """One unlocked account."""

    def __init__(self, client: NodeClient, address: str) -> None:
        self._client = client
        self.address = abi.checksummed(address)

    def send(self, to: str, signature: str, *args: Any, value: int = 0) -> Receipt:
        """Return the receipt of a call that was mined at once. Raises: Refused if it reverted."""
        return self._mined(self.request(to, signature, *args, value=value))

    def post(self, to: str, signature: str, *args: Any) -> str:
        """Hand a call to the node and return its hash; who mines by hand mines it later."""
        request = self.request(to, signature, *args) | {"gas": hex(POSTED_GAS)}
        return str(self._client.rpc("eth_sendTransaction", request))

    def burn(self, gas: int) -> str:
        """Hand a transaction to the node that uses up ``gas`` to the last unit, and return its hash."""
        request = self._priced({"data": _INVALID}) | {"gas": hex(gas)}
        return str(self._client.rpc("eth_sendTransaction", request))

    def request(self, to: str, signature: str, *args: Any, value: int = 0) -> dict[str, str]:
        """Return a call as the node takes it."""
        return self._priced({"to": to, "data": abi.parse(signature).encode(*args), "value": hex(value)})

    def deploy(self, bytecode: str, types: tuple[str, ...] = (), *args: Any) -> str:
        """Return the address of a new contract, made with ``args``. Raises: Refused if it reverted."""
        created = self._priced({"data": f"0x{bytecode}{abi.encode(types, *args)}"})
        return abi.checksummed(str(self._mined(created).contract))

    def _mined(self, request: dict[str, str]) -> Receipt:
        return read_receipt(self._client.rpc("eth_sendTransactionSync", request))

    def _priced(self, fields: dict[str, str]) -> dict[str, str]:
        fees = {"gas": hex(GAS_LIMIT), "maxFeePerGas": hex(MAX_FEE_WEI), "maxPriorityFeePerGas": hex(TIP_WEI)}
        return {"from": self.address, **fields, **fees}


def read_receipt(told: Any) -> Receipt:
    """Return what the node tells of a transaction. Raises: Refused if it is not mined or reverted."""
    if told is None:
        raise Refused("the transaction is not mined")
    if int(told["status"], 16) != 1:
        raise Refused(f"transaction {told['transactionHash']} reverted")
    return Receipt(
        tx_hash=told["transactionHash"],
        block_number=int(told["blockNumber"], 16),
        gas_used=int(told["gasUsed"], 16),
        contract=told["contractAddress"],
        logs=tuple(told["logs"]),
    )


def call(client: NodeClient, to: str, signature: str, *args: Any, block: str = "latest") -> tuple[Any, ...]:
    """Return what a function answers. Raises: Refused if it reverts."""
    known = abi.parse(signature)
    return known.decode(client.rpc("eth_call", {"to": to, "data": known.encode(*args)}, block))
