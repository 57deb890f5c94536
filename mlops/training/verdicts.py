"""Whether a model has skill: on held-out samples it beats what needs no model, by more than chance explains."""

from dataclasses import dataclass

import numpy as np

from domain.scores import ModelName
from mlops.training.metrics import Floats, judge_of, measure, of_probabilities
from mlops.training.problems import Problem
from mlops.training.splits import runs_of

LEVEL = 0.99  # nightly training asks often: 95 % would find skill in nothing every few weeks
LEAST_EPISODES = 20
LEAST_OF_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether there is skill, and in words why."""

    has_skill: bool
    why: str


def verdict_on(model: ModelName, said: Floats, constant: Floats, test: Problem, *, seed: int) -> Verdict:
    """Return whether what was said of the held-out opportunities is better than the constant."""
    n_episodes = len(np.unique(test.timeline.episodes))
    if n_episodes < LEAST_EPISODES:
        return Verdict(False, f"no skill can be shown: {n_episodes} held-out episodes, {LEAST_EPISODES} are needed")
    if model is ModelName.ROUTE_SUCCESS:
        return _on_success(said, constant, test, seed)
    name, word = {
        ModelName.PROFIT: ("mse", "the mean of the training trades"),
        ModelName.SLIPPAGE: ("pinball", "the quantiles of the training samples"),
    }[model]
    return _on_loss(model, said, constant, test, seed=seed, name=name, word=word)


def _on_success(said: Floats, constant: Floats, test: Problem, seed: int) -> Verdict:
    won = int((test.target > 0).sum())
    if min(won, len(test) - won) < LEAST_OF_A_CLASS:
        return Verdict(False, f"no skill can be shown: {won} of {len(test)} held-out opportunities succeeded")
    ours = of_probabilities(said, test.target > 0)
    area = measure(ours, runs_of(test.timeline.episodes), seed=seed, level=LEVEL)["auc"]
    everything = np.ones(len(test))
    brier = ours(everything)["brier"]
    plain = of_probabilities(constant, test.target > 0)(everything)["brier"]
    told = f"AUC {_interval(area)} on {len(test)} held-out opportunities (0.5 is chance), Brier {brier:.4f}"
    ranks, is_nearer = area["low"] is not None and area["low"] > 0.5, brier < plain
    if not ranks:
        return Verdict(False, f"no skill beyond chance: {told}")
    if not is_nearer:
        return Verdict(False, f"ranks, but is no nearer than the base rate ({plain:.4f}): {told}")
    return Verdict(True, f"skill: {told} against the base rate's {plain:.4f}")


def _on_loss(
    model: ModelName, said: Floats, constant: Floats, test: Problem, *, seed: int, name: str, word: str
) -> Verdict:
    ours, plain = judge_of(model, said, test.target), judge_of(model, constant, test.target)

    def saved(weights: Floats) -> dict[str, float]:
        before = plain(weights)[name]
        return {name: 1 - ours(weights)[name] / before if before > 0 else np.nan}

    gain = measure(saved, runs_of(test.timeline.episodes), seed=seed, level=LEVEL)[name]
    told = f"{name} {_interval(gain, 100)} % below that of {word} on {len(test)} held-out samples"
    has_skill = gain["low"] is not None and gain["low"] > 0
    return Verdict(has_skill, f"{'skill' if has_skill else 'no skill beyond chance'}: {told}")


def _interval(measured: dict[str, float | None], scale: float = 1) -> str:
    value, low, high = (None if part is None else part * scale for part in measured.values())
    digits = 3 if scale == 1 else 1
    if low is None or high is None:
        return "unknown" if value is None else f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({LEVEL:.0%}: {low:.{digits}f} to {high:.{digits}f})"
