"""Measured figures out of stored JSON, as they are best read: intervals as tables, bins as a picture, drift by size."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ops.admin import figures
from ops.admin.panels import Facts, Panel, Table, label, text_of

Stored = Mapping[str, Any]

DRIFTED, DRIFTING = 0.25, 0.1  # of the population stability index, as is usual
_NOTHING = 1e-9  # what is left of a sum of floats that should be nothing
_WHOLE = 1_000  # from here on nobody reads decimals
_MOST_FEATURES = 12
_INTERVAL = {"value", "low", "high"}
_HISTOGRAM = {"edges", "shares"}
_SHARES = {"accuracy", "precision", "recall", "base_rate", "vetoed_share", "coverage", "breakeven_probability"}
_NAMES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auc": "AUC",
    "brier": "Brier score",
    "ece": "calibration error",
    "ece_by_chance": "calibration error by chance",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "mean_percent_error": "mean % error",
    "correlation": "correlation",
    "pinball": "pinball loss",
    "coverage": "within the outer quantiles",
    "base_rate": "share that succeeded",
    "mean_said": "said on average",
    "mean_came": "came on average",
    "n_train": "samples learnt from",
    "n_test": "held-out samples",
    "n_purged": "purged between them",
    "test_from": "held out from (UTC)",
    "test_to": "held out to (UTC)",
    "psi": "drift of features",
}
_HEADERS = ("Measure", "Value", "95 % interval", "Of")
_ORDER = {name: place for place, name in enumerate(_NAMES)}


def panels_of(stored: Stored, title: str) -> Iterator[Panel]:
    """Yield a mapping's own figures first, then each mapping and list inside under a title of its own."""
    measures = {name: value for name, value in stored.items() if is_measure(value)}
    plain = {name: value for name, value in stored.items() if not isinstance(value, Mapping | list)}
    if plain:
        yield facts_of(title, plain)
    if measures:
        rows = [
            (named(name), figure(name, measures[name]["value"]), interval(name, measures[name]))
            for name in ordered(measures)
        ]
        yield Table(title, ("Measure", "Value", "95 % interval"), rows, is_wide=False)
    for name, value in stored.items():
        if name not in measures and name not in plain:
            yield from _nested(name, value, f"{title}: {named(name)}")


def measures_of(title: str, measures: Mapping[str, Stored], rule: Stored | None = None) -> Table:
    """Return figures with their intervals, and what the plain rule comes to where that is known."""
    rows = [(named(name), *_measure(name, measures[name])) for name in ordered(measures)]
    if not rule:
        return Table(title, _HEADERS, rows, is_wide=False)
    beside = [(*row, figure(name, rule.get(name))) for row, name in zip(rows, ordered(measures), strict=True)]
    return Table(title, (*_HEADERS, "The rule"), beside, is_wide=False)


def facts_of(title: str, plain: Stored) -> Facts:
    """Return plain figures by their names."""
    return Facts(
        title, [(named(name), figure(name, plain[name])) for name in ordered(plain) if plain[name] is not None]
    )


def drift_of(psi: Mapping[str, float | None]) -> Table:
    """Return the drift of each feature against what the version was trained on, the greatest first."""
    known = sorted(((name, value) for name, value in psi.items() if value is not None), key=lambda one: -one[1])
    rows = [(figures.words(name), f"{value:.3f}", _drift(value)) for name, value in known[:_MOST_FEATURES]]
    more = f" {len(known) - len(rows)} features drifted less than these." if len(known) > len(rows) else ""
    note = f"Population stability index: below {DRIFTING} as in training, above {DRIFTED} another market.{more}"
    headers = ("Feature", "PSI", "")
    return Table("Drift of features", headers, rows, note=note, nothing="Not measured.", is_wide=False, rows_beside=2)


def ordered(names: Iterable[str]) -> list[str]:
    """Return names in the order people expect, which stored JSON forgets; those not known come last, by name."""
    return sorted(names, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))


def named(name: str) -> str:
    """Return a figure's name in words."""
    return _NAMES.get(name, figures.words(name))


def figure(name: str, value: Any) -> str:
    """Return a figure as its name asks: shares in percent, dollars with cents."""
    if not isinstance(value, float):
        return _plain(name, value)
    if name in _SHARES:
        return f"{value:.1%}"
    if name.endswith("usd"):
        return dollars(value)
    if abs(value) < _NOTHING:
        return "0"
    return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.3g}"


def dollars(value: float) -> str:
    """Return dollars and cents."""
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def interval(name: str, one: Stored) -> str:
    """Return the bounds of a measure; too few samples have none."""
    if one["low"] is None or one["high"] is None:
        return "too few to say"
    return f"{figure(name, one['low'])} to {figure(name, one['high'])}"


def is_measure(value: Any) -> bool:
    """Return whether this is a figure with its bounds."""
    return isinstance(value, Mapping) and value.keys() >= _INTERVAL and value.keys() - _INTERVAL <= {"n"}


def _measure(name: str, one: Stored) -> tuple[str, str, str]:
    count = f"{one['n']:,}" if one.get("n") is not None else figures.NOTHING
    return figure(name, one["value"]), interval(name, one), count


def _plain(name: str, value: Any) -> str:
    if type(value) is int:
        return f"{value:,}"
    is_instant = isinstance(value, str) and name.endswith(("_from", "_to"))
    return figures.instant(datetime.fromisoformat(value)) if is_instant else text_of(name, value)


def _nested(name: str, value: Any, title: str) -> Iterator[Panel]:
    if name == "psi":
        yield drift_of(value)
    elif isinstance(value, Mapping) and not _holds_histograms(value):
        yield from [_grid(title, value)] if _is_grid(value) else panels_of(value, title)
    elif isinstance(value, list) and value:
        yield _rows(title, value)


def _is_grid(value: Stored) -> bool:
    """Return whether these are rows by name whose cells are plain."""
    rows = list(value.values())
    are_rows = all(isinstance(row, Mapping) and not is_measure(row) for row in rows)
    return (
        bool(rows) and are_rows and not any(isinstance(cell, Mapping | list) for row in rows for cell in row.values())
    )


def _grid(title: str, value: Stored) -> Table:
    names = ordered({name for row in value.values() for name in row})
    rows = [(named(key), *(figure(name, value[key].get(name)) for name in names)) for key in ordered(value)]
    return Table(title, ("", *(named(name) for name in names)), rows, is_wide=False)


def _rows(title: str, values: list[Any]) -> Table:
    """Return a list of alike mappings as a table, any other list as a column."""
    if all(isinstance(one, Mapping) for one in values):
        names = ordered({name for one in values for name in one})
        cells = [tuple(figure(name, one.get(name)) for name in names) for one in values]
        return Table(title, [named(name) for name in names], cells)
    return Table(title, ("Value",), [(text_of("", one),) for one in values], is_wide=False)


def _holds_histograms(value: Stored) -> bool:
    """Return whether these are the bins that drift is measured by: thousands of numbers for no reader."""
    return bool(value) and all(isinstance(one, Mapping) and one.keys() >= _HISTOGRAM for one in value.values())


def _drift(value: float) -> str:
    if value > DRIFTED:
        return label("drifted", "danger")
    return label("drifting", "warning") if value > DRIFTING else label("as in training", "success")
