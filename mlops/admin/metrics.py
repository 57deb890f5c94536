"""What a version could do when it was trained: measured on held-out samples, beside what needs no model."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.admin.reliability import reliability_of
from mlops.admin.stored import Stored, facts_of, figure, interval
from mlops.measures import named, ordered
from ops.admin import figures
from ops.admin.panels import Panel, Table

_BASELINES = ("constant", "rule", "last_value", "linear")
_KINDS = ("executed", "shadow", "near_misses")
_MOST_FEATURES = 10


def metrics_panels(stored: Stored, model: str) -> list[Panel]:
    """Return what was measured when a version was trained, and how it was fitted."""
    plain = {name: value for name, value in stored.items() if not isinstance(value, Mapping | list)}
    parts: list[Panel] = [facts_of("How it was measured", plain)] if plain else []
    parts += [*_judged(stored), *_picture(stored, model), *_leans_on(stored), *_veto(stored), *_apart(stored)]
    parts += _fitted(stored)
    return parts or [Table("How it was measured", (), [], nothing="Nothing was measured.")]


def _judged(stored: Stored) -> Iterator[Table]:
    judged, plain = stored.get("judged"), stored.get("baselines") or {}
    if not judged:
        return
    beside = [name for name in _BASELINES if name in plain]
    rows = [
        (
            named(name),
            figure(name, judged[name]["value"]),
            interval(name, judged[name]),
            *(figure(name, plain[other].get(name)) for other in beside),
        )
        for name in ordered(judged)
    ]
    headers = ("Measure", "This model", "95 % interval", *(named(other) for other in beside))
    note = "On held-out opportunities; beside it what needs no model: a constant, the rule, the route's last outcome."
    yield Table("What it could do", headers, rows, note=note)


def _picture(stored: Stored, model: str) -> Iterator[Panel]:
    if picture := reliability_of("Said against came", stored.get("bins") or [], model):
        yield picture


def _leans_on(stored: Stored) -> Iterator[Table]:
    shares: Mapping[str, float] = stored.get("importance") or {}
    most = sorted(shares.items(), key=lambda one: -one[1])[:_MOST_FEATURES]
    if most:
        rows = [(figures.words(name), figures.share(share)) for name, share in most]
        yield Table("What it leans on", ("Feature", "Share of the gain"), rows, is_wide=False)


def _veto(stored: Stored) -> Iterator[Table]:
    """Yield what refusals would have changed, of money that was earned and of what the market would have given."""
    told: Mapping[str, Mapping[str, Any]] = stored.get("veto") or {}
    rows = [
        (named(kind), *(figure("", told[kind].get(name)) for name in ("n", "n_vetoed")), *_money(told[kind]))
        for kind in _KINDS
        if kind in told
    ]
    headers = ("Of which", "Held out", "Refused", "All came to", "Refusing changed", "95 % interval")
    note = "Executed is what was earned; the shadow is what the market would have given after the delay."
    if rows:
        yield Table("What its refusals would have changed", headers, rows, note=note)


def _money(told: Mapping[str, Any]) -> tuple[str, ...]:
    changed, rule = told["changed_usd"], told["rule_usd"]
    words = figure("usd", changed["value"])
    gained = figures.coloured(words, good=changed["value"] > 0) if changed["value"] else words
    return figure("usd", rule["value"]), gained, interval("usd", changed)


def _apart(stored: Stored) -> Iterator[Table]:
    told: Mapping[str, Mapping[str, Any]] = stored.get("apart") or {}
    kinds = [kind for kind in _KINDS if kind in told]
    names = ordered({name for kind in kinds for name in told[kind]} - {"n"})
    rows = [(named(name), *(figure(name, told[kind].get(name)) for kind in kinds)) for name in ("n", *names)]
    if len(kinds) > 1:
        yield Table("Executed, shadow and near misses apart", ("Measure", *map(named, kinds)), rows)


def _fitted(stored: Stored) -> Iterator[Table]:
    told: Mapping[str, Mapping[str, int]] = stored.get("settings") or {}
    rows = [(named(role), f"{one['leaves']}", f"{one['rounds']}") for role, one in told.items()]
    if rows:
        yield Table("Fitted with", ("Booster", "Leaves", "Rounds"), rows, is_wide=False)
