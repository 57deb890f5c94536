"""Measured figures out of stored JSON, as they are best read: intervals as tables, drift by size."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlops.measures import MOST_PSI, SHARE, named, ordered, unit_of
from ops.admin import figures
from ops.admin.panels import Facts, Table, label, text_of

Stored = Mapping[str, Any]

DRIFTING = 0.1  # of the population stability index, as is usual
_NOTHING = 1e-9  # what is left of a sum of floats that should be nothing
_WHOLE = 1_000  # from here on nobody reads decimals
_MOST_FEATURES = 12
_HEADERS = ("Measure", "Value", "95 % interval", "Of")


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
    note = f"Population stability index: below {DRIFTING} as in training, above {MOST_PSI} another market.{more}"
    headers = ("Feature", "PSI", "")
    return Table("Drift of features", headers, rows, note=note, nothing="Not measured.", is_wide=False, rows_beside=2)


def figure(name: str, value: Any) -> str:
    """Return a figure as its name asks: shares in percent, dollars with cents."""
    if not isinstance(value, float):
        return _plain(name, value)
    if unit_of(name) == SHARE:
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


def _measure(name: str, one: Stored) -> tuple[str, str, str]:
    count = f"{one['n']:,}" if one.get("n") is not None else figures.NOTHING
    return figure(name, one["value"]), interval(name, one), count


def _plain(name: str, value: Any) -> str:
    if type(value) is int:
        return f"{value:,}"
    is_instant = isinstance(value, str) and name.endswith(("_from", "_to"))
    return figures.instant(datetime.fromisoformat(value)) if is_instant else text_of(name, value)


def _drift(value: float) -> str:
    if value > MOST_PSI:
        return label("drifted", "danger")
    return label("drifting", "warning") if value > DRIFTING else label("as in training", "success")
