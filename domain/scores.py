"""What the models say of a candidate, and what it is acted upon: a model may only ever refuse a trade."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.features import FeatureVector


class ModelName(StrEnum):
    """The three models."""

    ROUTE_SUCCESS = "route_success_predictor"
    PROFIT = "profit_maximizer"
    SLIPPAGE = "slippage_predictor"


@dataclass(frozen=True, slots=True)
class Scores:
    """What the models think of a candidate; None, and a line in ``abstained``, where one of them could not judge.

    ``breakeven_probability`` is the probability of success from which on a trade pays on average.
    """

    success_probability: float | None = None
    breakeven_probability: float | None = None
    expected_net_usd: float | None = None
    slippage_bps: float | None = None  # the median
    slippage_range_bps: tuple[float, float] | None = None  # between the outer quantiles
    versions: tuple[tuple[str, str], ...] = ()  # (model, tag) of each that judged
    abstained: tuple[tuple[str, str], ...] = ()  # (model, reason) of each that did not
    shadow: "Scores | None" = None  # what the challengers say; stored, never acted upon


@dataclass(frozen=True, slots=True)
class Abstained:
    """No champion could judge, and why; the rules carry on."""

    reason: str
    shadow: Scores | None = None


Scorer: TypeAlias = Callable[[FeatureVector], Scores | Abstained]

EXPECTS_LOSS = "score_expects_loss"
UNLIKELY = "score_unlikely"


def refusal_of(scores: Scores | Abstained) -> str:
    """Return why the champions would leave a trade alone that the rules allow; empty where they would not."""
    if isinstance(scores, Abstained):
        return ""
    if scores.expected_net_usd is not None and scores.expected_net_usd <= 0:
        return EXPECTS_LOSS
    probability, breakeven = scores.success_probability, scores.breakeven_probability
    return UNLIKELY if probability is not None and breakeven is not None and probability < breakeven else ""
