"""What a score costs in the path of a quote: three champions, and three challengers beside them.

    python -m benchmarks.score_path [--rows 20000] [--trees 300] [--leaves 15]

The baseline, in the same run: the same three kinds of model, as many trees of as many leaves, as scikit-learn pipelines
that are asked about a frame of one row. Goals: below 1 ms at the median and 2 ms at the 99th percentile, and at most
2 % of the baseline. Both are told by the clock on the wall and by the time on a core, which other work does not spoil;
either side has one thread, which is quicker for a single row.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET, FeatureVector
from domain.scores import ModelName, Scores
from mlops.bundle import Bundle, Calibration, Guard
from mlops.serving import Model, ModelScorer, Post
from mlops.serving.model import ROLES

N_FEATURES = len(FEATURE_NAMES)
TRAINED_ON, ASKED_BASELINE = 5_000, 300
NEVER_NS = 2**62
OBJECTIVES: Mapping[str, Mapping[str, Any]] = {
    "probability": {"objective": "binary"},
    "mean": {"objective": "regression"},
    "q10": {"objective": "quantile", "alpha": 0.1},
    "q50": {"objective": "quantile", "alpha": 0.5},
    "q90": {"objective": "quantile", "alpha": 0.9},
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spent:
    """Microseconds of one call: on the wall and on a core, at the median and the 99th percentile."""

    wall: tuple[float, float]
    core: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{self.wall[0]:9.1f} us at the median, {self.wall[1]:9.1f} us at the 99th percentile"
            f" (on a core {self.core[0]:.1f} and {self.core[1]:.1f})"
        )


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--leaves", type=int, default=15)
    told = parser.parse_args()
    threadpool_limits(1)
    rows, targets = _market(TRAINED_ON, seed=1)
    candidates = [FeatureVector(tuple(row.tolist())) for row in _market(told.rows, seed=2)[0]]
    champions, challengers = (_posts(rows, targets, told.trees, told.leaves, seed) for seed in (1, 2))
    alone = _spent(ModelScorer(champions, {}, now_ns=time.time_ns), candidates)
    beside = _spent(ModelScorer(champions, challengers, now_ns=time.time_ns), candidates)
    frames = [pd.DataFrame([one.values], columns=list(FEATURE_NAMES)) for one in candidates[:ASKED_BASELINE]]
    pipelines = _pipelines(rows, targets, told.trees, told.leaves)
    baseline = _spent(lambda frame: [ask(frame) for ask in pipelines.values()], frames)
    one = _spent(pipelines["probability"], frames)
    print(
        f"{len(candidates)} candidates of {N_FEATURES} features; {told.trees} trees of {told.leaves} leaves a booster"
    )
    print(f"work: {_asked(champions) / len(candidates) / 2:.1f} boosters a candidate, five for the three champions")
    print(f"three champions:                    {alone}")
    print(f"three champions, three challengers: {beside}")
    print(f"baseline, {len(pipelines)} pipelines on a frame:  {baseline}")
    print(f"baseline, one of them:              {one}")
    for name, spent in (("three champions", alone), ("with challengers", beside)):
        print(
            f"{name}: {spent.wall[0] / baseline.wall[0]:.2%} of the baseline, on a core {_share(spent, baseline):.2%}"
        )


def _market(n: int, *, seed: int) -> tuple[Floats, Floats]:
    """Return rows of which one value in fifty is unknown, and what a few of the values lead to."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, N_FEATURES))
    target = rows[:, 0] + rows[:, 1] * rows[:, 2] + np.sin(rows[:, 3]) + rng.normal(size=n)
    rows[rng.random(rows.shape) < 0.02] = np.nan
    return rows, target


def _labels(role: str, targets: Floats) -> Floats:
    return (targets > 0).astype(np.float64) if role == "probability" else targets


def _posts(rows: Floats, targets: Floats, trees: int, leaves: int, seed: int) -> dict[ModelName, Post]:
    return {
        name: Post(f"20260101_00000{seed}", NEVER_NS, Model(_bundle(name, rows, targets, trees, leaves, seed)))
        for name in ModelName
    }


def _bundle(name: ModelName, rows: Floats, targets: Floats, trees: int, leaves: int, seed: int) -> Bundle:
    told = {
        "verbosity": -1,
        "seed": seed,
        "num_threads": 1,
        "num_leaves": leaves,
        "learning_rate": 0.05,
        "feature_fraction": 0.5,
    }
    boosters = {
        role: lightgbm.train({**told, **OBJECTIVES[role]}, lightgbm.Dataset(rows, _labels(role, targets)), trees)
        for role in ROLES[name]
    }
    points = np.linspace(0.01, 0.99, 60).tolist()
    return Bundle(
        model_name=name,
        feature_set=FEATURE_SET,
        feature_hash=FEATURE_HASH,
        feature_names=FEATURE_NAMES,
        boosters={role: booster.model_to_string() for role, booster in boosters.items()},
        guard=Guard((0.0,) * N_FEATURES, (1.0,) * N_FEATURES, (True,) * N_FEATURES, limit=5.0),
        calibration=Calibration(tuple(points), tuple(points)) if name is ModelName.ROUTE_SUCCESS else None,
        breakeven_probability=0.5 if name is ModelName.ROUTE_SUCCESS else None,
    )


def _pipelines(rows: Floats, targets: Floats, trees: int, leaves: int) -> dict[str, Callable[[pd.DataFrame], Floats]]:
    """Return what asks each of five pipelines about a frame: scaled, then boosted; the classifier calibrated."""
    frame = pd.DataFrame(rows, columns=list(FEATURE_NAMES))
    told: dict[str, Any] = {"max_iter": trees, "max_leaf_nodes": leaves, "learning_rate": 0.05}
    classifier = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(**told))
    calibrated = CalibratedClassifierCV(classifier, method="isotonic", ensemble=False, cv=2)
    asked: dict[str, Callable[[pd.DataFrame], Floats]] = {
        "probability": calibrated.fit(frame, _labels("probability", targets)).predict_proba
    }
    for role in ("mean", "q10", "q50", "q90"):
        alpha = OBJECTIVES[role].get("alpha")
        loss = {"loss": "squared_error"} if alpha is None else {"loss": "quantile", "quantile": alpha}
        made = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(**loss, **told))
        asked[role] = made.fit(frame, targets).predict
    return asked


def _spent(ask: Callable[[Any], Any], questions: Iterable[Any]) -> Spent:
    times = np.array(list(_times(ask, questions))) / 1e3
    walls, cores = np.percentile(times, [50, 99], axis=0).T
    return Spent((walls[0], walls[1]), (cores[0], cores[1]))


def _times(ask: Callable[[Any], Any], questions: Iterable[Any]) -> Iterator[tuple[int, int]]:
    for number, question in enumerate(questions):
        on_wall, on_core = time.perf_counter_ns(), time.thread_time_ns()
        answer = ask(question)
        yield time.perf_counter_ns() - on_wall, time.thread_time_ns() - on_core
        assert number or not isinstance(answer, Scores) or not answer.abstained, answer


def _share(spent: Spent, baseline: Spent) -> float:
    return spent.core[0] / baseline.core[0]


def _asked(posts: Mapping[ModelName, Post]) -> int:
    return sum(booster.asked for post in posts.values() if post.model is not None for booster in post.model.boosters)


if __name__ == "__main__":
    main()
