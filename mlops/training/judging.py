"""How a recipe does on the last quarter: beside its baselines, what was executed and what was not told apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from domain.scores import ModelName
from mlops.training import baselines
from mlops.training.fits import fit_model
from mlops.training.metrics import (
    Floats,
    bins_of,
    calibration_error_by_chance,
    judge_of,
    mean_bins_of,
    measure,
    of_veto,
)
from mlops.training.problems import Flags, Problem
from mlops.training.splits import hold_out, runs_of
from mlops.training.verdicts import Verdict, verdict_on

LEAST_TO_LEARN = 20  # samples before the held-out quarter


def judge_recipe(model: ModelName, problem: Problem, *, seed: int) -> tuple[Verdict, dict[str, Any]]:
    """Return whether the recipe has skill on held-out samples, and every measure of it, ready for JSON."""
    split = hold_out(problem.timeline)
    train, test = problem.taken(split.train), problem.taken(split.test)
    sizes = {"n_train": len(train), "n_test": len(test), "n_purged": len(problem) - len(train) - len(test)}
    if len(train) < LEAST_TO_LEARN or len(np.unique(train.target)) < 2:
        word = "one class only" if len(train) >= LEAST_TO_LEARN else f"{LEAST_TO_LEARN} are needed"
        return Verdict(False, f"no skill can be shown: {len(train)} samples before the held-out ones, {word}"), sizes
    said = {
        "model": fit_model(model, train, seed=seed).say(test.features),
        "constant": baselines.constant(model, train, test),
        "rule": baselines.rule(model, train, test),
        "last_value": baselines.last_value(model, problem, test),
        "linear": baselines.linear(model, train, test),
    }
    metrics = {**sizes, **_span(test), **_apart(model, said["model"], test)}
    if not test.is_opportunity.any():
        return Verdict(False, "no skill can be shown: no held-out sample is an opportunity"), metrics
    traded = test.taken(test.is_opportunity)
    said = {name: values[test.is_opportunity] for name, values in said.items()}
    verdict = verdict_on(model, said["model"], said["constant"], traded, seed=seed)
    return verdict, {**metrics, **_on_opportunities(model, said, traded, train.breakeven_probability, seed=seed)}


def _on_opportunities(
    model: ModelName, said: Mapping[str, Floats], test: Problem, breakeven: float, *, seed: int
) -> dict[str, Any]:
    """Return the measures over what the rules would have traded: only of that may a model refuse anything."""
    runs = runs_of(test.timeline.episodes)
    ours = said["model"]
    plain = {name: _values(model, values, test) for name, values in said.items() if name != "model"}
    metrics = {"judged": measure(judge_of(model, ours, test.target), runs, seed=seed), "baselines": plain}
    if model is ModelName.SLIPPAGE:
        return {**metrics, "bins": mean_bins_of(ours[:, 1], test.target)}
    if model is ModelName.PROFIT:
        return {**metrics, "bins": mean_bins_of(ours, test.target), "veto": _veto(ours <= 0, test, seed=seed)}
    return {
        **metrics,
        "bins": bins_of(ours, test.target > 0),
        "ece_by_chance": calibration_error_by_chance(ours, seed=seed),
        "breakeven_probability": breakeven,
        "veto": _veto(ours < breakeven, test, seed=seed),
    }


def _veto(vetoed: Flags, test: Problem, *, seed: int) -> dict[str, Any]:
    """Return what refusals would have changed: of money that was earned, and of what the market would have given."""
    told: dict[str, Any] = {}
    for name, rows in (("executed", test.executed), ("shadow", ~test.executed)):
        if rows.any():
            runs = runs_of(test.timeline.episodes[rows])
            changed = measure(of_veto(vetoed[rows], test.worth_usd[rows]), runs, seed=seed)
            told[name] = {"n": int(rows.sum()), "n_vetoed": int(vetoed[rows].sum()), **changed}
    return told


def _apart(model: ModelName, said: Floats, test: Problem) -> dict[str, Any]:
    kinds = {
        "executed": test.executed,
        "shadow": test.is_opportunity & ~test.executed,
        "near_misses": ~test.is_opportunity,
    }
    told = {name: _values(model, said[rows], test.taken(rows)) for name, rows in kinds.items() if rows.any()}
    return {"apart": told}


def _values(model: ModelName, said: Floats, problem: Problem) -> dict[str, float | None]:
    judged = judge_of(model, said, problem.target)(np.ones(len(problem)))
    return {"n": len(problem), **{name: value if np.isfinite(value) else None for name, value in judged.items()}}


def _span(problem: Problem) -> dict[str, str]:
    first, last = problem.span
    return {"test_from": first.isoformat(), "test_to": last.isoformat()}
