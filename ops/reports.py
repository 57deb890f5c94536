"""What reports are made of, on a terminal and on a page: tables of text, and counts with their nouns."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the first column names the row, the others are figures."""

    title: str
    names: Sequence[str]
    rows: Sequence[Sequence[str]]


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun.removesuffix('y')}ies" if noun.endswith("ty") else f"{count:,} {noun}s"
