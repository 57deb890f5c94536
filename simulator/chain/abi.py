"""Calls written as Solidity signatures: ``getReserves()(uint112,uint112,uint32)``."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi import abi
from eth_utils.crypto import keccak

from domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's selector, the types that go in and those that come out."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, *args: Any) -> str:
        """Return the call's data as hex."""
        return "0x" + (self.selector + abi.encode(self.inputs, args)).hex()

    def decode(self, answer: str) -> tuple[Any, ...]:
        """Return the values of an answer in hex."""
        return abi.decode(self.outputs, bytes.fromhex(answer[2:]))


@lru_cache(maxsize=256)
def parse(text: str) -> Signature:
    """Return what ``text`` names. Raises: BadInput if it is no signature."""
    name, inputs, rest = _split(text, text)
    outputs = _split(rest, text)[1] if rest else ()
    return Signature(keccak(text=f"{name}({','.join(inputs)})")[:4], inputs, outputs)


def encode(types: tuple[str, ...], *args: Any) -> str:
    """Return the arguments of a constructor as hex without a prefix."""
    return abi.encode(types, args).hex()


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
