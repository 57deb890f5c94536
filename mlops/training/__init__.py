"""Training: from labelled samples to a model and an honest account of its skill; pure, seeded, off every path.

Importing this package is cheap; ``train`` and ``mlops.training.samples`` import LightGBM, scikit-learn and pandas.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from domain.scores import ModelName
from mlops.training.errors import BadFeatures, LooksAhead, OneClassOnly, TooFewOutcomes
from mlops.training.trained import Trained

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NEEDED_OUTCOMES", "BadFeatures", "LooksAhead", "OneClassOnly", "TooFewOutcomes", "Trained", "train"]

NEEDED_OUTCOMES = 50  # executed and settled, paper included

Told = Callable[[str, int, int], None]  # what is being done, how many steps are done, of how many


def train(model: ModelName, frame: "pd.DataFrame", *, seed: int, told: Told) -> Trained:
    """Return the model that the frame (of ``mlops.training.samples.frame_of``) teaches, and whether it has skill.

    The metrics are those of the same recipe on the last quarter, which it had not seen; the model itself is then
    fitted once more on everything. The same frame and seed give the same files.
    Raises: TooFewOutcomes, OneClassOnly, BadFeatures, LooksAhead.
    """
    from mlops.training.recipe import follow  # late: LightGBM and scikit-learn cost seconds that few processes owe

    return follow(model, frame, seed=seed, told=told)
