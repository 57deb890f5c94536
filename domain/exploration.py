"""Exploration: what the models refuse is traded now and then all the same, else they would never learn from it.

Which decisions those are follows from route and instant alone: taken again elsewhere, the same ones are explored.
"""

from decimal import Decimal
from hashlib import sha256

from domain.money import EXACT

_BITS = 64
_ALL = Decimal(2**_BITS)


def is_explored(route_key: str, at_ns: int, share: Decimal) -> bool:
    """Return whether a refused decision is among the ``share``, from 0 to 1, that is traded all the same."""
    drawn = int.from_bytes(sha256(f"{route_key}@{at_ns}".encode()).digest()[: _BITS // 8], "big")
    return Decimal(drawn) < EXACT.multiply(_ALL, share)
