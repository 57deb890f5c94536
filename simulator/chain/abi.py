"""Calls written as Solidity signatures: ``getReserves()(uint112,uint112,uint32)``.

The encoding's own libraries take half a second to import, which whoever only starts a chain need not wait for: each
function imports them when it is first called.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's selector, the types that go in and those that come out."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, *args: Any) -> str:
        """Return the call's data as hex."""
        return "0x" + self.selector.hex() + encode(self.inputs, *args)

    def decode(self, answer: str) -> tuple[Any, ...]:
        """Return the values of an answer in hex."""
        return decode(self.outputs, answer)


@lru_cache(maxsize=256)
def parse(text: str) -> Signature:
    """Return what ``text`` names. Raises: BadInput if it is no signature."""
    name, inputs, rest = _split(text, text)
    outputs = _split(rest, text)[1] if rest else ()
    return Signature(_keccak(f"{name}({','.join(inputs)})")[:4], inputs, outputs)


@lru_cache(maxsize=16)
def topic_of(event: str) -> str:
    """Return the first topic of an event written as ``Sync(uint112,uint112)``."""
    return "0x" + _keccak(event).hex()


def encode(types: tuple[str, ...], *args: Any) -> str:
    """Return arguments as hex without a prefix."""
    from eth_abi.abi import encode as encode_values

    return encode_values(types, args).hex()


def decode(types: tuple[str, ...], data: str) -> tuple[Any, ...]:
    """Return the values in ``data``, which is hex with a prefix."""
    from eth_abi.abi import decode as decode_values

    return decode_values(types, bytes.fromhex(data[2:]))


def checksummed(address: str) -> str:
    """Return an address in the mixed case that checks itself."""
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)


def _keccak(text: str) -> bytes:
    from eth_utils.crypto import keccak

    return keccak(text=text)


def _split(text: str, whole: str) -> tuple[str, tuple[str, ...], str]:
    """Return the name, the types between its brackets, and what follows them."""
    name, bracket, _ = text.partition("(")
    types: list[str] = [""]
    depth = 0
    for at, letter in enumerate(text[len(name) :], start=len(name)):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return name, tuple(filter(None, types)), text[at + 1 :]
        if depth == 1 and letter == ",":
            types.append("")
        elif (depth, letter) != (1, "("):
            types[-1] += letter
    raise BadInput(f"{whole!r} is no signature" if bracket else f"{whole!r} has no brackets")
