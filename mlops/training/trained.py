"""What training gives: the files of a model and an honest account of its skill."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and how it did on samples that its recipe had not seen.

    ``metrics`` is ready for JSON; ``why`` says in at most 200 characters what skill it has or why it has none.
    """

    bundle: Bundle
    metrics: dict[str, Any]
    has_skill: bool
    why: str
    data_from: datetime  # of the first and the last decision that it was fitted on
    data_to: datetime
    n_samples: int
    n_executed: int
