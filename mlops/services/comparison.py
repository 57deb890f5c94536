"""Two versions of a model on the same outcomes: each measure of both, and its difference with an interval.

``compare`` asks both versions again about stored features; ``shadow`` takes what champion and challenger said then.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from domain.errors import BadInput
from domain.scope import Scope
from domain.scores import ModelName, Scores, refusal_of
from mlops.bundle import BadBundle
from mlops.labelled import LabelledSample
from mlops.measures import MEASURES, named
from mlops.models import Alias, ModelVersion
from mlops.said import scores_said
from mlops.selectors import alias_of, labelled_samples, version_tagged
from mlops.services.rescoring import rescored
from mlops.training.metrics import Floats, Judge, difference, judge_of, measure, of_veto
from mlops.validation.effect import Judged, runs_in, said_alone
from mlops.validation.measuring import pairs_of

MOST_SAMPLES = 20_000  # the newest
LEAST_OUTCOMES = 50  # fewer that neither version was trained on, and those of its training are taken too

_MEASURES: Mapping[ModelName, tuple[str, ...]] = {  # the first decides
    ModelName.ROUTE_SUCCESS: ("brier", "auc", "accuracy", "precision", "f1"),
    ModelName.PROFIT: ("mae", "correlation"),
    ModelName.SLIPPAGE: ("pinball", "mae", "correlation"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of both versions; ``low`` and ``high`` bound the difference, b less a, with 95 % confidence."""

    name: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def better(self) -> str:
        """Return which of the two is better beyond doubt; empty where neither is."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return ""
        return "b" if (self.low > 0) == MEASURES[self.name].is_higher_better else "a"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How versions ``a`` and ``b`` did on the ``n`` outcomes that both of them judged."""

    model: str
    a: str
    b: str
    scope: str
    n: int
    n_executed: int
    n_in_sample: int  # of them, those that one of the two was trained on
    first: datetime | None
    last: datetime | None
    a_abstained: int
    b_abstained: int
    measures: tuple[Measured, ...]

    @property
    def verdict(self) -> str:
        """Return what the deciding measure says, in a sentence."""
        if not self.measures:
            return "There is no outcome yet that both judged."
        first = self.measures[0]
        if self.n < LEAST_OUTCOMES:
            return f"Neither is better beyond doubt: {self.n} outcomes are too few, {LEAST_OUTCOMES} are needed."
        if not first.better:
            return f"Neither is better beyond doubt: the {named(first.name)} of {self.n} outcomes does not tell."
        better, other = (self.a, self.b) if first.better == "a" else (self.b, self.a)
        if self.n_in_sample:
            known = f"{self.n_in_sample:,} of the outcomes came before one of the two was trained, and flatter it"
            return f"{better} did better than {other} by its {named(first.name)}, which proves little: {known}."
        return f"{better} is better than {other} by its {named(first.name)}, with 95 % confidence."

    def __str__(self) -> str:
        lines = (f"{one.name}: {_said(one.a)} and {_said(one.b)}" for one in self.measures)
        return "\n".join((f"{self.model}, {self.a} and {self.b} on {self.n} outcomes:", *lines, self.verdict))

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        told = asdict(self) | {"verdict": self.verdict}
        told["measures"] = [asdict(one) | {"better": one.better} for one in self.measures]
        told["first"], told["last"] = (at.isoformat() if at else None for at in (self.first, self.last))
        return told


def compare(model: ModelName, tag_a: str, tag_b: str, *, scope: Scope, seed: int = 0) -> Comparison:
    """Return how two versions do on the outcomes of ``scope`` that came after both were trained.

    Where those are too few, on all of them: then it says how many of them one of the two had been trained on.
    Raises: BadInput for an unknown tag, one tag twice, or files that cannot be served.
    """
    if tag_a == tag_b:
        raise BadInput(f"{tag_a} is compared with itself: name two versions")
    a, b = version_tagged(model, tag_a), version_tagged(model, tag_b)
    samples = _unseen_or_all(scope, a, b)
    return _compared(scope, a, b, _asked(a, samples), _asked(b, samples), seed)


def shadow(model: ModelName, *, scope: Scope, seed: int = 0) -> Comparison:
    """Return how the challenger (b) did beside the champion (a), by what both said at each decision.

    Raises: BadInput where there is no champion or no challenger.
    """
    a, b = (_bearer(scope, model, alias) for alias in (Alias.CHAMPION, Alias.CHALLENGER))
    samples = [sample for sample in _newest(scope) if _stood_together(sample, a, b)]
    said = [Judged(sample, scores_said(sample.scores)) for sample in samples]
    beside = [Judged(sample, scores_said(sample.scores, in_shadow=True)) for sample in samples]
    return _compared(scope, a, b, said, beside, seed)


def _unseen_or_all(scope: Scope, a: ModelVersion, b: ModelVersion) -> list[LabelledSample]:
    samples = _newest(scope)
    unseen = [sample for sample in samples if not _was_seen(sample, a, b)]
    return unseen if len(unseen) >= LEAST_OUTCOMES else samples


def _was_seen(sample: LabelledSample, *versions: ModelVersion) -> bool:
    """Whether one of them was trained on it, or on what came after it; simulated samples are of no market's time."""
    return any(sample.timestamp <= version.data_to for version in versions if not version.is_synthetic)


def _newest(scope: Scope) -> list[LabelledSample]:
    return list(deque(labelled_samples(scope), maxlen=MOST_SAMPLES))


def _asked(version: ModelVersion, samples: Sequence[LabelledSample]) -> list[Judged]:
    try:
        return rescored(version, samples)
    except BadBundle as error:
        raise BadInput(f"{version} cannot be asked: its files are {error}") from error


def _bearer(scope: Scope, model: ModelName, alias: Alias) -> ModelVersion:
    row = alias_of(scope, model, alias)
    if row is None:
        raise BadInput(f"{model} has no {alias} in {scope}: there are no two versions that judge side by side")
    return row.version


def _stood_together(sample: LabelledSample, champion: ModelVersion, challenger: ModelVersion) -> bool:
    beside = sample.scores.get("shadow") or {}
    return _names(sample.scores, champion) and _names(beside, challenger)


def _names(said: Mapping[str, Any], version: ModelVersion) -> bool:
    return [version.model_name, version.tag] in [list(pair) for pair in said.get("versions") or ()]


def _compared(
    scope: Scope, a: ModelVersion, b: ModelVersion, of_a: list[Judged], of_b: list[Judged], seed: int
) -> Comparison:
    model = ModelName(a.model_name)
    kept = _judged_by_both(model, of_a, of_b)
    samples = [one.sample for one, _ in kept]
    return Comparison(
        model=model.value,
        a=a.tag,
        b=b.tag,
        scope=str(scope),
        n=len(samples),
        n_executed=sum(sample.executed for sample in samples),
        n_in_sample=sum(_was_seen(sample, a, b) for sample in samples),
        first=samples[0].timestamp if samples else None,
        last=samples[-1].timestamp if samples else None,
        a_abstained=sum(not _judges(one, model) for one in of_a),
        b_abstained=sum(not _judges(one, model) for one in of_b),
        measures=_measures(model, kept, seed),
    )


def _judged_by_both(model: ModelName, of_a: Sequence[Judged], of_b: Sequence[Judged]) -> list[tuple[Judged, Judged]]:
    """Return what both said of the outcomes that both judged and whose label this model is held to is known."""
    known = {_key(one.sample) for one in pairs_of(model, of_a).judged}
    both = zip(of_a, of_b, strict=True)
    return [(a, b) for a, b in both if _key(a.sample) in known and _judges(b, model)]


def _key(sample: LabelledSample) -> tuple[str, datetime]:
    return sample.route_key, sample.timestamp


def _judges(one: Judged, model: ModelName) -> bool:
    return said_alone(one.scores, model) != Scores()


def _measures(model: ModelName, kept: Sequence[tuple[Judged, Judged]], seed: int) -> tuple[Measured, ...]:
    if not kept:
        return ()
    of_a, of_b = ([pair[side] for pair in kept] for side in (0, 1))
    found = _differences(_judge(model, of_a), _judge(model, of_b), _MEASURES[model], of_a, seed)
    return (*found, *_effects(model, of_a, of_b, seed))


def _judge(model: ModelName, judged: Sequence[Judged]) -> Judge:
    pairs = pairs_of(model, judged)
    return judge_of(model, pairs.said, pairs.came)


def _effects(model: ModelName, of_a: Sequence[Judged], of_b: Sequence[Judged], seed: int) -> Iterable[Measured]:
    """Return what following each model alone would have changed in USD, over the trades that the rules allowed."""
    kept = [one for one, judged in enumerate(of_a) if judged.sample.is_opportunity]
    kept = [one for one in kept if of_a[one].sample.worth_usd is not None]
    if model is ModelName.SLIPPAGE or not kept:
        return ()
    a, b = ([said[one] for one in kept] for said in (of_a, of_b))
    return _differences(_veto(model, a), _veto(model, b), ("changed_usd",), a, seed)


def _veto(model: ModelName, judged: Sequence[Judged]) -> Judge:
    refused = np.array([bool(refusal_of(said_alone(one.scores, model))) for one in judged])
    return of_veto(refused, np.array([one.sample.worth_usd for one in judged], dtype=np.float64))


def _differences(
    of_a: Judge, of_b: Judge, names: Iterable[str], judged: Sequence[Judged], seed: int
) -> tuple[Measured, ...]:
    ones: Floats = np.ones(len(judged))
    a, b = of_a(ones), of_b(ones)
    found = measure(difference(of_b, of_a), runs_in(judged), seed=seed)
    return tuple(
        Measured(name, _known(a[name]), _known(b[name]), found[name]["value"], found[name]["low"], found[name]["high"])
        for name in names
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
