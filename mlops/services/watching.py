"""Watches the models that serve: each day what they said beside what came; a champion that loses to the rule abstains.

Every version that was heard gets a row a day, champion or challenger. The rows hold the figures of that day alone;
whether a champion loses is judged by all that it said since it became one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from domain.money import from_float
from domain.scope import Scope
from domain.scores import ModelName, Scores
from mlops.labelled import LabelledSample
from mlops.models import Alias, ModelAlias, ModelPerformance, ModelVersion
from mlops.said import scores_said
from mlops.selectors import aliases_of, labelled_samples
from mlops.services.promotion import suspend
from mlops.validation.as_json import bins_json, effect_json
from mlops.validation.drift import LEAST_SAMPLES, LEAST_WEIGHT, drifted, psi_of, weight_of
from mlops.validation.effect import Judged, effect_of, said_alone
from mlops.validation.figures import Effect, Figure, ModelReport, Subject
from mlops.validation.measuring import pairs_of, report_on
from mlops.validation.words import amount
from ops import locks
from ops.models import Level
from ops.services.alerts import alert

log = structlog.get_logger(__name__)

LOCK = "mlops.watching"
SETTLES_WITHIN = timedelta(hours=1)  # a day is looked at once its last outcomes have come in
MOST_DAYS = 7  # that were missed and are made up for
MOST_DAYS_AS_CHAMPION = 30
SURE = 0.99  # that a champion loses: asked night by night, 95 % would suspend many a one that costs nothing
REFUSING = (ModelName.ROUTE_SUCCESS, ModelName.PROFIT)  # the slippage predictor refuses nothing
MEASURED = ("accuracy", "precision", "recall", "f1", "brier", "mae", "correlation", "mean_percent_error")


@dataclass(frozen=True, slots=True)
class Heard:
    """A version and what it was then."""

    model: ModelName
    tag: str
    alias: Alias


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC) of outcomes."""

    first: datetime

    @property
    def last(self) -> datetime:
        """Return the first instant that is left out."""
        return self.first + timedelta(days=1)


def watch(scope: Scope, *, now: datetime) -> list[ModelPerformance]:
    """Measure every day that has ended and was not measured yet, then suspend champions that lose; return the rows.

    Safe to run twice: a day of a version is measured once, and a suspended champion stays so.
    """
    with locks.advisory(LOCK) as is_ours:
        if not is_ours:
            log.info("models_watched_elsewhere", scope=str(scope))
            return []
        rows = [row for day in _days(now) for row in _measure(scope, day, now)]
        for model in REFUSING:
            _fall_back_if_losing(scope, model, now)
    return rows


def _days(now: datetime) -> list[Day]:
    """Return the days that may be measured, the oldest first."""
    midnight = datetime.combine((now - SETTLES_WITHIN).astimezone(UTC).date(), datetime.min.time(), UTC)
    return [Day(midnight - timedelta(days=back)) for back in range(MOST_DAYS, 0, -1)]


def _measure(scope: Scope, day: Day, now: datetime) -> Iterator[ModelPerformance]:
    outcomes = list(labelled_samples(scope, day.first, day.last))
    heard = {
        alias: [Judged(one, _said(one, alias)) for one in outcomes] for alias in (Alias.CHAMPION, Alias.CHALLENGER)
    }
    for one in sorted(_heard(heard), key=lambda one: (one.model, one.alias, one.tag)):
        if not _rows_of(scope, one).filter(window_from=day.first, window_to=day.last).exists():
            row = _row(scope, one, _of_version(heard[one.alias], one), day, now)
            if row is not None:
                yield row


def _heard(judged: dict[Alias, list[Judged]]) -> set[Heard]:
    return {
        Heard(ModelName(model), tag, alias)
        for alias, ones in judged.items()
        for one in ones
        for model, tag in one.scores.versions
    }


def _said(sample: LabelledSample, alias: Alias) -> Scores:
    return scores_said(sample.scores, in_shadow=alias is Alias.CHALLENGER)


def _of_version(judged: Sequence[Judged], heard: Heard) -> list[Judged]:
    """Return what one version said, and the outcomes on which its place abstained."""
    place = (heard.model.value, heard.tag)
    abstained = [one for one in judged if heard.model in dict(one.scores.abstained)]
    return [one for one in judged if place in one.scores.versions] + abstained


def _row(scope: Scope, heard: Heard, judged: Sequence[Judged], day: Day, now: datetime) -> ModelPerformance | None:
    """Store what a version did on a day; None where nothing that it said has come out."""
    report = report_on(Subject(heard.model, heard.tag, heard.alias.value), judged)
    if not report.n:
        return None
    version = ModelVersion.objects.filter(model_name=heard.model.value, tag=heard.tag).first()
    samples = [one.sample for one in pairs_of(heard.model, judged).judged]
    indices = psi_of(version.metrics, samples) if version else {}
    row = ModelPerformance.objects.create(
        **scope.columns,
        timestamp=now,
        window_from=day.first,
        window_to=day.last,
        alias=heard.alias.value,
        model_name=heard.model.value,
        model_version=heard.tag,
        n=report.n,
        n_executed=report.n_executed,
        detail=_detail(report, indices),
        **{figure.name: figure.value for figure in report.figures if figure.name in MEASURED},
        **_profits(heard.model, judged),
    )
    log.info("model_measured", model=heard.model.value, tag=heard.tag, alias=heard.alias.value, n=report.n)
    if version and heard.alias is Alias.CHAMPION:
        _tell_of_drift(scope, version, indices, report.n)
    return row


def _detail(report: ModelReport, indices: dict[str, float]) -> dict[str, Any]:
    return {
        "judged": _measures(report.figures),
        "executed": _measures(report.executed),
        "rule": {figure.name: figure.rule for figure in report.figures},
        "bins": bins_json(report),
        "psi": indices,
        "abstained": dict(report.abstained),
        "effect": effect_json(report.effect),
    }


def _measures(figures: Sequence[Figure]) -> dict[str, Any]:
    names = ("value", "low", "high", "n")
    return {figure.name: {name: asdict(figure)[name] for name in names} for figure in figures}


def _profits(model: ModelName, judged: Sequence[Judged]) -> dict[str, Decimal]:
    """Return what was earned on average where it was executed, and, by the model of profits, what was predicted."""
    settled = [one for one in judged if one.sample.settled_net_usd is not None]
    if model is ModelName.PROFIT:
        settled = [one for one in settled if one.scores.expected_net_usd is not None]
    if not settled:
        return {}
    earned = [one.sample.settled_net_usd or 0.0 for one in settled]
    told = {"avg_actual_profit": _mean(earned)}
    if model is ModelName.PROFIT:
        told["avg_predicted_profit"] = _mean([one.scores.expected_net_usd or 0.0 for one in settled])
    return told


def _mean(amounts: Sequence[float]) -> Decimal:
    return from_float(round(sum(amounts) / len(amounts), 8))


def _tell_of_drift(scope: Scope, version: ModelVersion, indices: dict[str, float], n: int) -> None:
    names = drifted(indices)
    weight = weight_of(names, version.metrics)
    if n < LEAST_SAMPLES or not names or weight < LEAST_WEIGHT:
        return
    worst = ", ".join(f"{name} {indices[name]:.2f}" for name in names[:5])
    body = f"{len(names)} features, {weight:.0%} of what it leans on, are unlike its training (n {n}): {worst}."
    key = f"model_drift_{version.model_name}"
    alert(f"{version} sees another market", body, Level.WARNING, key=key, scope=scope)


def _fall_back_if_losing(scope: Scope, model: ModelName, now: datetime) -> None:
    row = next((row for row in aliases_of(scope, model) if row.alias == Alias.CHAMPION.value), None)
    if row is None or row.suspended_at:
        return
    effect = _effect_as_champion(scope, row, now)
    if not effect.loses:
        return
    why = (
        f"it lost to the rule: refusing {effect.refused} of {effect.n} cost {amount(-effect.change_usd, 'usd')}, "
        f"{SURE:.0%} sure at least {amount(-(effect.high_usd or 0.0), 'usd')}"
    )
    if suspend(model, why, scope=scope, now=now):
        body = f"{why}. The rule decides until a version is promoted or rolled back."
        title = f"{row.version} is suspended: it did worse than the rule"
        alert(title, body, Level.WARNING, key=f"model_suspended_{model}", scope=scope)


def _effect_as_champion(scope: Scope, row: ModelAlias, now: datetime) -> Effect:
    """Return what following this champion has changed since it became one."""
    since, model = max(row.moved_at, now - timedelta(days=MOST_DAYS_AS_CHAMPION)), ModelName(row.model_name)
    heard = Heard(model, row.version.tag, Alias.CHAMPION)
    judged = [Judged(one, _said(one, Alias.CHAMPION)) for one in labelled_samples(scope, since, now)]
    alone = [Judged(one.sample, said_alone(one.scores, model)) for one in _of_version(judged, heard)]
    return effect_of(alone, level=SURE)


def _rows_of(scope: Scope, heard: Heard) -> Any:
    named = {"model_name": heard.model.value, "model_version": heard.tag, "alias": heard.alias.value}
    return ModelPerformance.objects.in_scope(scope).filter(**named)
