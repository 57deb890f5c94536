"""What is fuzzed: a payload as some outside party writes it, and the code of ours that reads it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from domain.market import Book, Pair
from tests.fakes import NOW_NS

BTC_USD = Pair.parse("BTC/USD")
MAX_AGE_MS = 2000
Spoil = Callable[[bytes, Random], bytes]
Proof = tuple[str, ...]
__all__ = ["BTC_USD", "MAX_AGE_MS", "NOW_NS", "Proof", "Shape", "Spoil"]


@dataclass(frozen=True)
class Shape:
    """One payload, how it is spoilt, and who reads it: all that comes out is judged.

    ``true`` says, where the payload proves itself, what the books that may come out of it are known by; ``beside`` are the best bid and
    ask of the other leg, from which no book that is true differs enough to trade.
    """

    name: str
    payload: bytes
    spoil: Spoil
    read: Callable[[bytes], Iterable[object]]
    true: frozenset[Proof] | None = None
    beside: tuple[str, str] = ("99.5", "100.5")


def proof_of(book: Book) -> Proof:
    """Return what Kraken's checksum covers of a book of ten levels: every digit but leading zeros, and no point."""
    sides = tuple(book.asks), tuple(book.bids)
    return tuple(
        format(number, "f").replace(".", "").lstrip("0") for side in sides for level in side for number in level
    )
