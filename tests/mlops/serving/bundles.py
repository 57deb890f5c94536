"""Small models of all three kinds, trained here and now on made-up rows."""

from collections.abc import Mapping
from functools import cache

import lightgbm
import numpy as np

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET, FeatureVector
from domain.scores import ModelName
from mlops.bundle import Bundle, Calibration, Guard

N_FEATURES = len(FEATURE_NAMES)
TYPICAL = FeatureVector((0.0,) * N_FEATURES)
STRANGE = FeatureVector((1e6,) * N_FEATURES)
OBJECTIVES: Mapping[str, Mapping[str, object]] = {
    "probability": {"objective": "binary"},
    "mean": {"objective": "regression"},
    "q10": {"objective": "quantile", "alpha": 0.1},
    "q50": {"objective": "quantile", "alpha": 0.5},
    "q90": {"objective": "quantile", "alpha": 0.9},
}
ROLES = {
    ModelName.ROUTE_SUCCESS: ("probability",),
    ModelName.PROFIT: ("mean",),
    ModelName.SLIPPAGE: ("q10", "q50", "q90"),
}


def rows_of(n: int, *, seed: int = 1) -> np.ndarray:
    """Return rows as a model may meet them, one value in twenty unknown."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, N_FEATURES))
    rows[rng.random(rows.shape) < 0.05] = np.nan
    return rows


@cache
def booster(role: str, *, seed: int = 1, trees: int = 20) -> lightgbm.Booster:
    """Return a booster whose target follows the first feature."""
    rows = rows_of(400, seed=seed)
    target = np.nan_to_num(rows[:, 0]) + 0.1 * np.random.default_rng(seed).normal(size=len(rows))
    labels = (target > 0).astype(int) if role == "probability" else target
    told = {"verbosity": -1, "num_threads": 1, "seed": seed, "num_leaves": 7, **OBJECTIVES[role]}
    return lightgbm.train(told, lightgbm.Dataset(rows, labels), trees)


def bundle_of(name: ModelName, *, seed: int = 1, trees: int = 20, **changed: object) -> Bundle:
    """Return a model that can be served."""
    is_classifier = name is ModelName.ROUTE_SUCCESS
    told = {
        "model_name": name,
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "feature_names": FEATURE_NAMES,
        "boosters": {role: booster(role, seed=seed, trees=trees).model_to_string() for role in ROLES[name]},
        "guard": guard_of(),
        "calibration": Calibration((0.2, 0.8), (0.1, 0.9)) if is_classifier else None,
        "breakeven_probability": 0.4 if is_classifier else None,
    }
    return Bundle(**(told | changed))


def guard_of(limit: float = 3.0, *, may_be_unknown: bool = True) -> Guard:
    """Return a guard around the rows that the boosters were trained on."""
    return Guard((0.0,) * N_FEATURES, (1.0,) * N_FEATURES, (may_be_unknown,) * N_FEATURES, limit)
