"""One model fitted on one problem: its boosters by role, and the calibration that belongs to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from domain.scores import ModelName
from mlops.bundle import Calibration
from mlops.training.boosters import LARGE, CrossFit, Objective, Setting, candidates_for, cross_fit, fit
from mlops.training.calibration import calibrate
from mlops.training.metrics import Floats
from mlops.training.problems import Problem
from mlops.training.splits import folds

OBJECTIVES: Mapping[ModelName, Mapping[str, Objective]] = {
    ModelName.ROUTE_SUCCESS: {"probability": Objective("binary", "binary_logloss")},
    ModelName.PROFIT: {"mean": Objective("regression", "l2")},
    ModelName.SLIPPAGE: {  # the median first: the others take its leaves
        "q50": Objective("quantile", "quantile", 0.5),
        "q10": Objective("quantile", "quantile", 0.1),
        "q90": Objective("quantile", "quantile", 0.9),
    },
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted model; ``say`` is what the scorer will say."""

    boosters: Mapping[str, lgb.Booster]
    settings: Mapping[str, Setting]
    calibration: Calibration | None
    calibrated_by: str

    def say(self, features: Floats) -> Floats:
        """Return probabilities or means, shape (n,), or quantiles that never fall, shape (n, 3)."""
        said = np.column_stack([self.boosters[role].predict(features) for role in sorted(self.boosters)])
        if said.shape[1] > 1:
            return np.sort(said, axis=1)
        if self.calibration is None:
            return said[:, 0]
        return np.interp(said[:, 0], self.calibration.scores, self.calibration.probabilities)


def fit_model(model: ModelName, problem: Problem, *, seed: int) -> Fitted:
    """Return the model fitted on every row, as hard as folds of time say, calibrated on what the folds said."""
    splits = list(folds(problem.timeline, 3 if len(problem) >= LARGE else 5))
    candidates = candidates_for(len(problem))
    found: dict[str, CrossFit] = {}
    boosters: dict[str, lgb.Booster] = {}
    for role, objective in OBJECTIVES[model].items():
        features, target = problem.features, problem.target
        found[role] = cross_fit(objective, features, target, splits, candidates=candidates, seed=seed)
        candidates = (Setting(found[role].setting.leaves),)
        boosters[role] = fit(objective, features, target, setting=found[role].setting, seed=seed)
    calibration, method = None, ""
    if model is ModelName.ROUTE_SUCCESS:
        calibration, method = calibrate(found["probability"].said, problem.target)
    return Fitted(boosters, {role: one.setting for role, one in found.items()}, calibration, method)
