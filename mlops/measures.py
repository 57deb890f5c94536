"""The measures of models: how each is called, its unit, and which way is better."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.scores import ModelName

SHARE, PERCENT, USD, BPS = "share", "percent", "usd", "bps"
MOST_PSI = 0.25  # above it a feature is of another world than the training's
AMOUNTS = frozenset({"mae", "mean_said", "mean_came"})  # in the unit of what a model predicts
UNITS_OF_MODELS = {ModelName.ROUTE_SUCCESS: SHARE, ModelName.PROFIT: USD, ModelName.SLIPPAGE: BPS}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure; most is unknown of what is only counted."""

    said: str
    unit: str = ""
    is_higher_better: bool = True


MEASURES: Mapping[str, Measure] = {  # in the order in which people expect them
    "accuracy": Measure("accuracy", SHARE),
    "precision": Measure("precision", SHARE),
    "recall": Measure("recall", SHARE),
    "f1": Measure("F1 score"),
    "auc": Measure("AUC"),
    "brier": Measure("Brier score", is_higher_better=False),
    "ece": Measure("calibration error", SHARE, is_higher_better=False),
    "ece_by_chance": Measure("calibration error by chance", SHARE, is_higher_better=False),
    "mae": Measure("MAE", is_higher_better=False),
    "mse": Measure("mean squared error", is_higher_better=False),
    "mean_percent_error": Measure("mean % error", PERCENT, is_higher_better=False),
    "correlation": Measure("correlation"),
    "pinball": Measure("pinball loss", is_higher_better=False),
    "coverage": Measure("in the 80 % range", SHARE),
    "changed_usd": Measure("change by refusing", USD),
    "base_rate": Measure("share that succeeded", SHARE),
    "mean_said": Measure("said on average"),
    "mean_came": Measure("came on average"),
    "vetoed_share": Measure("share refused", SHARE),
    "breakeven_probability": Measure("pays from", SHARE),
    "n_train": Measure("samples learnt from"),
    "n_test": Measure("held-out samples"),
    "n_purged": Measure("purged between them"),
    "test_from": Measure("held out from (UTC)"),
    "test_to": Measure("held out to (UTC)"),
    "psi": Measure("drift of features"),
}
_PLACES = {name: place for place, name in enumerate(MEASURES)}


def named(name: str) -> str:
    """Return a measure's name in words; of one that is not known, its own."""
    return MEASURES[name].said if name in MEASURES else name.replace("_", " ")


def titled(name: str) -> str:
    """Return the same to begin a line with."""
    said = named(name)
    return said[:1].upper() + said[1:]


def ordered(names: Iterable[str]) -> list[str]:
    """Return names in the order people expect, which stored JSON forgets; those not known come last, by name."""
    return sorted(names, key=lambda name: (_PLACES.get(name, len(_PLACES)), name))


def unit_of(name: str, model: ModelName | None = None) -> str:
    """Return the unit of a measure, where it depends on the model of that ``model``; empty for a plain number."""
    if name in AMOUNTS:
        return UNITS_OF_MODELS[model] if model else ""
    return MEASURES[name].unit if name in MEASURES else ""
