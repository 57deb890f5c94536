"""What following the scores would have changed: every outcome that they would have refused, valued as it came."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from domain.scores import ModelName, Scores, refusal_of
from domain.timestamps import to_ns
from mlops.labelled import LabelledSample
from mlops.training.metrics import LEVEL, measure, of_veto
from mlops.training.splits import episodes_of, runs_of
from mlops.validation.figures import NO_EFFECT, DayEffect, Effect


@dataclass(frozen=True, slots=True)
class Judged:
    """An outcome and what was said of it beforehand."""

    sample: LabelledSample
    scores: Scores


def runs_in(judged: Sequence[Judged]) -> "np.typing.NDArray[np.int64]":
    """Return the number of each one's run: neighbouring episodes, which an interval draws together."""
    routes = np.array([one.sample.route_key for one in judged], dtype=np.str_)
    at_ns = np.array([to_ns(one.sample.timestamp) for one in judged], dtype=np.int64)
    return runs_of(episodes_of(routes, at_ns))


def said_alone(scores: Scores, model: ModelName) -> Scores:
    """Return what one model said by itself."""
    match model:
        case ModelName.ROUTE_SUCCESS:
            return Scores(
                success_probability=scores.success_probability, breakeven_probability=scores.breakeven_probability
            )
        case ModelName.PROFIT:
            return Scores(expected_net_usd=scores.expected_net_usd)
        case ModelName.SLIPPAGE:
            return Scores(slippage_bps=scores.slippage_bps, slippage_range_bps=scores.slippage_range_bps)


def effect_of(judged: Iterable[Judged], *, seed: int = 0, level: float = LEVEL) -> Effect:
    """Return the effect on the opportunities that were judged, with its interval over runs of episodes."""
    kept = [one for one in judged if _is_judged(one)]
    if not kept:
        return NO_EFFECT
    worth = np.array([one.sample.worth_usd for one in kept], dtype=np.float64)
    refused = np.array([bool(refusal_of(one.scores)) for one in kept])
    changed = measure(of_veto(refused, worth), runs_in(kept), seed=seed, level=level)["changed_usd"]
    return Effect(
        n=len(kept),
        n_executed=sum(one.sample.executed for one in kept),
        refused=int(refused.sum()),
        refused_rightly=int((worth[refused] <= 0).sum()),
        rule_usd=float(worth.sum()),
        change_usd=changed["value"] or 0.0,
        low_usd=changed["low"],
        high_usd=changed["high"],
    )


def effect_by_day(judged: Iterable[Judged], *, seed: int = 0) -> tuple[DayEffect, ...]:
    """Return the effect of each day (UTC) on which anything was judged."""
    days = groupby(sorted(judged, key=_day), key=_day)
    found = ((day, effect_of(ones, seed=seed)) for day, ones in days)
    return tuple(DayEffect(day, effect) for day, effect in found if effect.n)


def _is_judged(one: Judged) -> bool:
    says = one.scores.expected_net_usd is not None or one.scores.success_probability is not None
    return says and one.sample.is_opportunity and one.sample.worth_usd is not None


def _day(one: Judged) -> str:
    return f"{one.sample.timestamp:%Y-%m-%d}"
