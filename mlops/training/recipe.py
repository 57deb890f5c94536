"""How a model is made: audited, judged on the last quarter as a recipe, then fitted once more on everything.

Refitting wastes no outcome, and the newest are the likest to what comes; the price is that the metrics are those of
the recipe on three quarters of the data, not of these very files.
"""

from typing import Any

import numpy as np
import pandas as pd

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET
from domain.scores import ModelName
from mlops.bundle import Bundle
from mlops.training import Told
from mlops.training.audit import audit
from mlops.training.depth import guard_of
from mlops.training.fits import Fitted, fit_model
from mlops.training.judging import judge_recipe
from mlops.training.metrics import histogram_of
from mlops.training.problems import Problem, problem_of
from mlops.training.trained import Trained

STEPS = 3


def follow(model: ModelName, frame: pd.DataFrame, *, seed: int, told: Told) -> Trained:
    """Return the model that the frame teaches. Raises: TooFewOutcomes, OneClassOnly, BadFeatures, LooksAhead."""
    problem = problem_of(model, frame)
    told("looking for features that look ahead", 0, STEPS)
    audit(frame)
    told("judging on the last quarter", 1, STEPS)
    verdict, metrics = judge_recipe(model, problem, seed=seed)
    told("fitting on everything", 2, STEPS)
    fitted = fit_model(model, problem, seed=seed)
    bundle = _bundle(model, fitted, problem)
    told("done", STEPS, STEPS)
    first, last = problem.span
    return Trained(
        bundle=bundle,
        metrics={**metrics, **_account(fitted, problem)},
        has_skill=verdict.has_skill,
        why=verdict.why[:200],
        data_from=first,
        data_to=last,
        n_samples=len(problem),
        n_executed=int(problem.executed.sum()),
    )


def _bundle(model: ModelName, fitted: Fitted, problem: Problem) -> Bundle:
    return Bundle(
        model_name=model,
        feature_set=FEATURE_SET,
        feature_hash=FEATURE_HASH,
        feature_names=FEATURE_NAMES,
        boosters={role: booster.model_to_string() for role, booster in fitted.boosters.items()},
        guard=guard_of(problem.features),
        calibration=fitted.calibration,
        breakeven_probability=problem.breakeven_probability if model is ModelName.ROUTE_SUCCESS else None,
    )


def _account(fitted: Fitted, problem: Problem) -> dict[str, Any]:
    """Return how it was fitted, what it leans on, and what the features looked like, to tell later how they drift."""
    gains = sum(booster.feature_importance("gain") for booster in fitted.boosters.values())
    shares = np.asarray(gains) / max(float(np.sum(gains)), 1e-12)
    columns = zip(FEATURE_NAMES, problem.features.T, strict=True)
    return {
        "settings": {role: {"leaves": one.leaves, "rounds": one.rounds} for role, one in fitted.settings.items()},
        "calibrated_by": fitted.calibrated_by,
        "importance": dict(zip(FEATURE_NAMES, shares.tolist(), strict=True)),
        "drift": {name: histogram_of(column) for name, column in columns},
    }
