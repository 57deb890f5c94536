"""LightGBM, kept on a short rein: how hard to fit is chosen on folds of time, and the same seed gives the same text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from domain.features import FEATURE_NAMES
from mlops.training.metrics import Floats
from mlops.training.splits import Split

MAX_ROUNDS = 600
PATIENCE = 30  # rounds without a better fold before it stops
LARGE = 20_000  # samples, from which on fewer and longer strides are enough

_FIXED = {
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "feature_pre_filter": False,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # two spend more time waiting for one another, the more so where others want the cores
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How hard to fit: leaves of a tree, and after how many rounds to stop."""

    leaves: int
    rounds: int = MAX_ROUNDS


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What the folds showed: the setting that did best on them, its loss, and what it says of rows it had not seen."""

    setting: Setting
    loss: float
    said: Floats  # nan where no fold could judge a row


@dataclass(frozen=True, slots=True)
class Objective:
    """What a booster is to get right: LightGBM's name of it, of its loss, and the quantile if it is one."""

    name: str
    metric: str
    alpha: float | None = None

    def params(self, setting: Setting, *, n: int, seed: int) -> dict[str, Any]:
        """Return LightGBM's parameters for ``n`` rows."""
        told: Mapping[str, Any] = {} if self.alpha is None else {"alpha": self.alpha}
        return {
            **_FIXED,
            **told,
            "objective": self.name,
            "metric": self.metric,
            "num_leaves": setting.leaves,
            "learning_rate": 0.1 if n >= LARGE else 0.05,
            "min_data_in_leaf": int(np.clip(n // 100, 5, 100)),
            "seed": seed,
        }


def candidates_for(n: int) -> tuple[Setting, ...]:
    """Return the settings worth trying on so many rows: bushier trees need more of them."""
    if n < 500:
        return (Setting(leaves=3),)
    return (Setting(leaves=15),) if n >= LARGE else (Setting(leaves=3), Setting(leaves=8))


def fit(objective: Objective, features: Floats, target: Floats, *, setting: Setting, seed: int) -> lgb.Booster:
    """Return the booster of these rows."""
    params = objective.params(setting, n=len(target), seed=seed)
    return lgb.train(params, _dataset(features, target, params), num_boost_round=setting.rounds)


def cross_fit(
    objective: Objective,
    features: Floats,
    target: Floats,
    splits: Sequence[Split],
    *,
    candidates: Sequence[Setting],
    seed: int,
) -> CrossFit:
    """Return the best of the candidates over the splits; the first, after one round, where no split can judge."""
    usable = [split for split in splits if _can_teach(objective, target, split)]
    if not usable:
        return CrossFit(Setting(candidates[0].leaves, rounds=1), np.inf, np.full(len(target), np.nan))
    tried = (_try(objective, features, target, usable, setting=setting, seed=seed) for setting in candidates)
    return min(tried, key=lambda one: one.loss)


def _try(
    objective: Objective, features: Floats, target: Floats, splits: Sequence[Split], *, setting: Setting, seed: int
) -> CrossFit:
    grown = [_grow(objective, features, target, split, setting=setting, seed=seed) for split in splits]
    length = max(len(curve) for _, curve in grown)
    curves = np.array([np.pad(curve, (0, length - len(curve)), mode="edge") for _, curve in grown])
    losses = np.average(curves, axis=0, weights=[len(split.test) for split in splits])
    rounds = int(losses.argmin()) + 1
    said = np.full(len(target), np.nan)
    for (booster, _), split in zip(grown, splits, strict=True):
        said[split.test] = booster.predict(features[split.test], num_iteration=rounds)
    return CrossFit(Setting(setting.leaves, rounds), float(losses[rounds - 1]), said)


def _grow(
    objective: Objective, features: Floats, target: Floats, split: Split, *, setting: Setting, seed: int
) -> tuple[lgb.Booster, list[float]]:
    """Fit on one side of a split until the other side gains no more; return the loss there after each round."""
    params = objective.params(setting, n=len(split.train), seed=seed)
    learnt = _dataset(features[split.train], target[split.train], params)
    judged = learnt.create_valid(features[split.test], target[split.test])
    seen: dict[str, dict[str, list[float]]] = {}
    watch: list[Callable[..., Any]] = [lgb.record_evaluation(seen), lgb.early_stopping(PATIENCE, verbose=False)]
    booster = lgb.train(params, learnt, num_boost_round=setting.rounds, valid_sets=[judged], callbacks=watch)
    return booster, seen["valid_0"][objective.metric]


def _can_teach(objective: Objective, target: Floats, split: Split) -> bool:
    if len(split.train) < 10 or not len(split.test):
        return False
    return objective.name != "binary" or len(np.unique(target[split.train])) == 2


def _dataset(features: Floats, target: Floats, params: Mapping[str, Any]) -> lgb.Dataset:
    return lgb.Dataset(features, target, feature_name=list(FEATURE_NAMES), params=dict(params))
