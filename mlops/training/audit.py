"""A last look at the features before anything is learnt: one that alone tells what came looks ahead."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.features import FEATURE_NAMES
from domain.scores import ModelName
from mlops.training.errors import LooksAhead
from mlops.training.metrics import Floats, of_probabilities
from mlops.training.problems import labelled

IMPLAUSIBLE_AUC = 0.98
IMPLAUSIBLE_CORRELATION = 0.98
LEAST = 30  # rows of either class


def audit(frame: pd.DataFrame) -> None:
    """Look at every feature against success and slippage, whatever model is to be trained.

    Near misses are left out: the edge that makes them misses may rightly tell that they would not have paid.
    Raises: LooksAhead where a feature ranks the opportunities all but perfectly.
    """
    for model, measured in ((ModelName.ROUTE_SUCCESS, _area), (ModelName.SLIPPAGE, _correlation)):
        problem = labelled(model, frame)
        judged = problem.taken(problem.is_opportunity)
        for name, column in zip(FEATURE_NAMES, judged.features.T, strict=True):
            said = measured(column, judged.target)
            if said:
                raise LooksAhead(name, said, len(judged))


def _area(column: Floats, target: Floats) -> str:
    known, came = np.isfinite(column), target > 0
    best = max(_one_area(column[known], came[known]), _one_area(np.isnan(column).astype(float), came))
    return f"AUC {best:.3f}" if best > IMPLAUSIBLE_AUC else ""


def _one_area(column: Floats, came: NDArray[np.bool_]) -> float:
    if min(came.sum(), (~came).sum()) < LEAST:
        return 0.5
    area = of_probabilities(column, came)(np.ones(len(came)))["auc"]
    return max(area, 1 - area)


def _correlation(column: Floats, target: Floats) -> str:
    known = pd.Series(column)
    if known.count() < 2 * LEAST or known.nunique() < LEAST:
        return ""
    found = known.corr(pd.Series(target), method="spearman")
    return f"rank correlation {found:.3f}" if abs(found) > IMPLAUSIBLE_CORRELATION else ""
