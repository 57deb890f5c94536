"""What a run gave the models to learn from, and whether any of them judged."""

from dataclasses import dataclass

from arbsite.demo.words import spaced
from domain.scope import Scope
from mlops.models import Alias
from mlops.selectors import aliases_of, outcome_counts
from mlops.training import NEEDED_OUTCOMES


@dataclass(frozen=True, slots=True)
class Learning:
    """Counts of samples, and the models that have a champion."""

    samples: int
    near_misses: int
    outcomes: int  # executed and settled
    champions: tuple[str, ...]


def learning_of(scope: Scope) -> Learning:
    """Return what there is to learn from in ``scope``. Raises: DatabaseError."""
    counts = outcome_counts(scope)
    champions = tuple(row.model_name for row in aliases_of(scope) if row.alias == Alias.CHAMPION.value)
    return Learning(counts.samples, counts.near_misses, counts.executed, champions)


def learning_in_words(learning: Learning | None) -> str:
    """Return it in a few words; None where the database did not answer."""
    if learning is None:
        return "unknown, the database did not answer"
    told = f"{learning.samples:,} samples, {learning.outcomes:,} executed outcomes"
    if learning.champions:
        return f"{told}; champions: {', '.join(map(spaced, learning.champions))}"
    missing = max(NEEDED_OUTCOMES - learning.outcomes, 0)
    return f"{told}; no champion, the rules decided" + (f"; training needs {missing} outcomes more" if missing else "")
