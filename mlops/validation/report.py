"""A whole validation: each model's version over the outcomes of a span, and what all together would have changed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from domain.scope import Scope
from domain.scores import ModelName, Scores
from mlops.labelled import LabelledSample
from mlops.validation.effect import Judged, effect_by_day, effect_of
from mlops.validation.figures import IN_SAMPLE, LEAST_OUTCOMES, Report, Subject
from mlops.validation.measuring import is_in_sample, pairs_of, report_on


@dataclass(frozen=True, slots=True)
class Version:
    """A version and what it says of each outcome of the span, in their order."""

    subject: Subject
    judged: Sequence[Judged]


def report_of(
    versions: Iterable[Version],
    outcomes: Sequence[LabelledSample],
    *,
    scope: Scope,
    first: datetime,
    last: datetime,
    created_at: datetime,
    of_other_features: int = 0,
    seed: int = 0,
) -> Report:
    """Return the report; a model that has no version is named as missing.

    A version is judged by what was decided after its training data ended, if that is enough to say anything.
    """
    by_model = {version.subject.model: _on_unseen(version) for version in versions}
    together = _together(outcomes, by_model.values())
    skilled = _together(outcomes, [version for version in by_model.values() if version.subject.has_skill])
    return Report(
        scope=scope,
        first=first,
        last=last,
        created_at=created_at,
        outcomes=len(outcomes),
        executed=sum(outcome.executed for outcome in outcomes),
        of_other_features=of_other_features,
        models=tuple(
            report_on(by_model[model].subject, by_model[model].judged, seed=seed)
            for model in ModelName
            if model in by_model
        ),
        missing=tuple(model for model in ModelName if model not in by_model),
        effect=effect_of(together, seed=seed),
        followed=effect_of(skilled, seed=seed),
        days=effect_by_day(together, seed=seed),
    )


def _on_unseen(version: Version) -> Version:
    """Leave out what a version was trained on, unless hardly anything else is there."""
    subject, judged = version.subject, version.judged
    seen = [is_in_sample(one.sample, subject) for one in judged]
    unseen = [one for one, is_seen in zip(judged, seen, strict=True) if not is_seen]
    if len(pairs_of(subject.model, unseen).came) < LEAST_OUTCOMES:
        return version
    left_out = Scores(abstained=((subject.model.value, IN_SAMPLE),))
    marked = [Judged(one.sample, left_out) if is_seen else one for one, is_seen in zip(judged, seen, strict=True)]
    return Version(subject, marked)


def _together(outcomes: Sequence[LabelledSample], versions: Collection[Version]) -> list[Judged]:
    return [_merged(outcome, number, versions) for number, outcome in enumerate(outcomes)]


def _merged(outcome: LabelledSample, number: int, versions: Iterable[Version]) -> Judged:
    """Return what the versions say of one outcome together, each for its own model."""
    said = {version.subject.model: version.judged[number].scores for version in versions}
    success, profit, slippage = (said.get(model, Scores()) for model in ModelName)
    scores = Scores(
        success_probability=success.success_probability,
        breakeven_probability=success.breakeven_probability,
        expected_net_usd=profit.expected_net_usd,
        slippage_bps=slippage.slippage_bps,
        slippage_range_bps=slippage.slippage_range_bps,
        abstained=tuple(chain(success.abstained, profit.abstained, slippage.abstained)),
    )
    return Judged(outcome, scores)
