"""A validation as JSON: one entry per model under ``models``, every figure with its interval and what is expected."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from domain.scores import ModelName
from mlops.validation import words
from mlops.validation.figures import (
    LEAST_FOR_CALIBRATION,
    MOST_CALIBRATION_ERROR,
    Effect,
    Figure,
    ModelReport,
    Report,
)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report; a model without a version has an entry that says so."""
    models = {one.subject.model.value: _model(one) for one in report.models}
    missing = {model.value: _no_model(model) for model in report.missing}
    return {
        "answer": words.headline(report),
        **report.scope.columns,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "created_at": report.created_at.isoformat(),
        "outcomes": report.outcomes,
        "executed": report.executed,
        "of_other_features": report.of_other_features,
        "models": {model.value: (models | missing)[model.value] for model in ModelName},
        "effect": effect_json(report.effect),
        "followed": effect_json(report.followed),
        "days": [{"day": one.day, **effect_json(one.effect)} for one in report.days],
    }


def effect_json(effect: Effect) -> dict[str, Any]:
    """Return an effect's figures."""
    return asdict(effect)


def bins_json(report: ModelReport) -> list[dict[str, Any]]:
    """Return the calibration by bins: what was said, what came, its interval, how many."""
    return [asdict(one) for one in report.bins]


def _model(report: ModelReport) -> dict[str, Any]:
    subject = report.subject
    return {
        "version": subject.tag,
        "alias": subject.alias,
        "is_synthetic": subject.is_synthetic,
        "has_skill": subject.has_skill,
        "trained_to": subject.trained_to.isoformat() if subject.trained_to else None,
        "n": report.n,
        "n_executed": report.n_executed,
        "n_in_sample": report.n_in_sample,
        "says": words.verdict_said(report),
        "notes": list(words.notes(report)),
        "measured": {figure.name: figure.value for figure in report.figures},
        "figures": _figures_json(report.figures),
        "executed": _figures_json(report.executed),
        "calibration": _calibration(report) if subject.model is ModelName.ROUTE_SUCCESS else None,
        "abstained": dict(report.abstained),
        "effect": effect_json(report.effect),
    }


def _no_model(model: ModelName) -> dict[str, Any]:
    return {"version": None, "n": 0, "says": words.missing_said(model), "measured": {}, "figures": {}}


def _figures_json(figures: Iterable[Figure]) -> dict[str, Any]:
    """Return figures by name."""
    return {figure.name: _figure(figure) for figure in figures}


def _figure(figure: Figure) -> dict[str, Any]:
    expected = figure.expected
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "n": figure.n,
        "expected": [expected.low, expected.high] if expected else None,
        "rule": figure.rule,
        "verdict": figure.verdict.value if figure.verdict else None,
    }


def _calibration(report: ModelReport) -> dict[str, Any]:
    error = report.figure("ece")
    verdict = None
    if error is not None and error.value is not None and report.n >= LEAST_FOR_CALIBRATION:
        verdict = "met" if error.value < MOST_CALIBRATION_ERROR else "not met"
    return {
        "error": error.value if error else None,
        "by_chance": report.chance_error,
        "n": report.n,
        "needed": LEAST_FOR_CALIBRATION,
        "verdict": verdict,
        "bins": bins_json(report),
    }
