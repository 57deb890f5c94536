"""Measures one version of a model: what it said of each outcome against what came, and against the plain rule."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.scores import ModelName, Scores
from mlops.labelled import LabelledSample
from mlops.measures import unit_of
from mlops.training.metrics import bins_of, calibration_error_by_chance, judge_of, measure
from mlops.validation.effect import Judged, effect_of, runs_in, said_alone
from mlops.validation.figures import EXPECTED, Bin, Figure, ModelReport, Subject

MOST_POINTS = 1_500  # of a plot
SHOWN: Mapping[ModelName, tuple[str, ...]] = {
    ModelName.ROUTE_SUCCESS: ("accuracy", "precision", "f1", "recall", "brier", "auc", "ece"),
    ModelName.PROFIT: ("mae", "correlation", "mean_percent_error"),
    ModelName.SLIPPAGE: ("mae", "correlation", "pinball", "coverage"),
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was said, by the model and by the rule, and what came; a row each."""

    judged: Sequence[Judged]
    said: NDArray[np.float64]
    by_rule: NDArray[np.float64]
    came: NDArray[np.float64]

    def executed(self) -> "Pairs":
        """Return those that were executed."""
        rows = np.array([one.sample.executed for one in self.judged], dtype=bool)
        kept = [one for one in self.judged if one.sample.executed]
        return Pairs(kept, self.said[rows], self.by_rule[rows], self.came[rows])


def report_on(subject: Subject, judged: Iterable[Judged], *, seed: int = 0) -> ModelReport:
    """Return how a version did on what it judged; ``judged`` holds all outcomes, its abstentions among them."""
    every, model = list(judged), subject.model
    pairs = pairs_of(model, every)
    reasons = Counter(reason for one in every for name, reason in one.scores.abstained if name == model)
    if not len(pairs.came):
        return ModelReport(subject, abstained=reasons)
    executed = pairs.executed()
    is_classifier = model is ModelName.ROUTE_SUCCESS
    is_mixed = 0 < len(executed.came) < len(pairs.came)
    return ModelReport(
        subject,
        n=len(pairs.came),
        n_executed=len(executed.came),
        n_in_sample=sum(is_in_sample(one.sample, subject) for one in pairs.judged),
        figures=_figures_of(model, pairs, seed=seed),
        executed=_figures_of(model, executed, seed=seed) if is_mixed else (),
        bins=_bins(pairs) if is_classifier else (),
        chance_error=calibration_error_by_chance(pairs.said, seed=seed) if is_classifier else None,
        points=_points(model, pairs),
        abstained=reasons,
        effect=effect_of((Judged(one.sample, said_alone(one.scores, model)) for one in every), seed=seed),
    )


def is_in_sample(sample: LabelledSample, subject: Subject) -> bool:
    """Whether a sample was decided before the version's training data ended."""
    return subject.trained_to is not None and sample.timestamp <= subject.trained_to


def pairs_of(model: ModelName, judged: Iterable[Judged]) -> Pairs:
    """Return what the model said beside what came, where both are known."""
    said, by_rule, came = _ASKED[model]
    kept = [one for one in judged if said(one.scores) is not None and came(one.sample) is not None]
    return Pairs(
        kept,
        np.array([said(one.scores) for one in kept], dtype=np.float64),
        np.array([by_rule(one.sample) for one in kept], dtype=np.float64),
        np.array([came(one.sample) for one in kept], dtype=np.float64),
    )


def _figures_of(model: ModelName, pairs: Pairs, *, seed: int = 0) -> tuple[Figure, ...]:
    """Return the model's figures with their intervals, each beside the rule's."""
    found = measure(judge_of(model, pairs.said, pairs.came), runs_in(pairs.judged), seed=seed)
    rule = judge_of(model, _as_rule_says(model, pairs), pairs.came)(np.ones(len(pairs.came)))
    n = len(pairs.came)
    return tuple(_figure(model, name, found[name], rule[name], n) for name in SHOWN[model])


def _figure(model: ModelName, name: str, found: Mapping[str, float | None], rule: float, n: int) -> Figure:
    of_rule = rule if math.isfinite(rule) else None
    value, low, high = found["value"], found["low"], found["high"]
    return Figure(name, unit_of(name, model), value, low, high, n, EXPECTED.get((model, name)), of_rule)


def _as_rule_says(model: ModelName, pairs: Pairs) -> NDArray[np.float64]:
    return np.repeat(pairs.by_rule[:, None], 3, axis=1) if model is ModelName.SLIPPAGE else pairs.by_rule


def _quantiles(scores: Scores) -> tuple[float, float, float] | None:
    median, outer = scores.slippage_bps, scores.slippage_range_bps
    if median is None:
        return None
    low, high = outer or (median, median)
    return low, median, high


_Said = Callable[[Scores], "float | tuple[float, float, float] | None"]
_Came = Callable[[LabelledSample], "float | None"]
_ASKED: Mapping[ModelName, tuple[_Said, Callable[[LabelledSample], float], _Came]] = {
    ModelName.ROUTE_SUCCESS: (
        lambda scores: scores.success_probability,
        lambda sample: sample.is_opportunity,
        lambda sample: sample.worth_usd,
    ),
    ModelName.PROFIT: (
        lambda scores: scores.expected_net_usd,
        lambda sample: sample.planned_usd,
        lambda sample: sample.settled_net_usd,
    ),
    ModelName.SLIPPAGE: (_quantiles, lambda sample: 0.0, lambda sample: sample.lost_bps),
}


def _bins(pairs: Pairs) -> tuple[Bin, ...]:
    found = bins_of(pairs.said, pairs.came > 0)
    return tuple(Bin(one["said"], one["came"], one["low"], one["high"], int(one["n"])) for one in found)


def _points(model: ModelName, pairs: Pairs) -> tuple[tuple[float, float], ...]:
    """Return what was said and came, thinned evenly to what a plot can show."""
    said = pairs.said[:, 1] if model is ModelName.SLIPPAGE else pairs.said
    rows = np.unique(np.linspace(0, len(said) - 1, min(len(said), MOST_POINTS)).astype(int))
    return tuple(zip(said[rows].tolist(), pairs.came[rows].tolist(), strict=True))
