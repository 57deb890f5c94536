"""What a validation found: figures with intervals beside the ranges they are expected in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.scope import Scope
from domain.scores import ModelName

LEAST_OUTCOMES = 50  # fewer say nothing about a figure
LEAST_FOR_CALIBRATION = 2_000
MOST_CALIBRATION_ERROR = 0.03
IN_SAMPLE = "in_sample"  # the reason for which what a version was trained on is left out


class Verdict(StrEnum):
    """How a figure lies to the range that it is expected in; certain where its whole interval does."""

    BETTER = "better"
    MET = "met"
    WORSE = "worse"
    UNCERTAIN = "unclear"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Expected:
    """The range in which a figure is expected after two weeks of data."""

    low: float
    high: float
    is_higher_better: bool = True

    def verdict(self, low: float, high: float) -> Verdict:
        """Return how an interval lies to it."""
        if not self.is_higher_better:
            return Expected(-self.high, -self.low).verdict(-high, -low)
        if high < self.low:
            return Verdict.WORSE
        if low > self.high:
            return Verdict.BETTER
        return Verdict.MET if low >= self.low else Verdict.UNCERTAIN


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; ``rule`` is what the plain rule comes to on the same outcomes.

    ``low`` and ``high`` bound it with 95 % confidence; what could not be measured is None.
    """

    name: str
    unit: str  # share, percent, usd, bps or nothing
    value: float | None
    low: float | None
    high: float | None
    n: int
    expected: Expected | None = None
    rule: float | None = None

    @property
    def verdict(self) -> Verdict | None:
        """Return how it lies to what is expected; None where nothing is."""
        if self.expected is None:
            return None
        if self.n < LEAST_OUTCOMES or self.low is None or self.high is None:
            return Verdict.TOO_FEW
        return self.expected.verdict(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of about one probability: their mean, the share that came true with its interval, how many."""

    said: float
    came: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What following the scores would have changed against the rule, in USD: what was refused, valued as it came.

    Executed trades count with what they settled at, the others with what was left of the edge after the delay.
    """

    n: int  # outcomes that were judged
    n_executed: int
    refused: int
    refused_rightly: int  # they would have lost
    rule_usd: float  # what all of them together came to
    change_usd: float
    low_usd: float | None = None
    high_usd: float | None = None

    @property
    def loses(self) -> bool:
        """Whether following the scores cost money beyond doubt."""
        return self.n >= LEAST_OUTCOMES and self.high_usd is not None and self.high_usd < 0


NO_EFFECT = Effect(0, 0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class DayEffect:
    """The effect of one day (UTC)."""

    day: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class Subject:
    """The version that is judged: its tag, what it is for and what it was trained on."""

    model: ModelName
    tag: str
    alias: str = ""
    trained_from: datetime | None = None
    trained_to: datetime | None = None
    is_synthetic: bool = False
    has_skill: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One version over one span; without outcomes every figure is absent and ``n`` is 0."""

    subject: Subject
    n: int = 0
    n_executed: int = 0
    n_in_sample: int = 0  # decided while its training data lasted: it may know them by heart
    figures: tuple[Figure, ...] = ()
    executed: tuple[Figure, ...] = ()  # the same over executed outcomes alone
    bins: tuple[Bin, ...] = ()
    chance_error: float | None = None  # the calibration error that so few outcomes show where every chance is right
    points: tuple[tuple[float, float], ...] = ()  # said and came, for plots
    abstained: Mapping[str, int] = field(default_factory=dict)  # by reason
    effect: Effect = NO_EFFECT

    @property
    def refuses(self) -> bool:
        """Whether a trade can be refused for what this model says."""
        return self.subject.model is not ModelName.SLIPPAGE

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name."""
        return next((one for one in self.figures if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Report:
    """One validation: every model that there is, over the outcomes of one span of a scope."""

    scope: Scope
    first: datetime
    last: datetime
    created_at: datetime
    outcomes: int  # labelled samples of the span
    executed: int
    of_other_features: int = 0  # samples that no present model can be asked about
    models: tuple[ModelReport, ...] = ()
    missing: tuple[ModelName, ...] = ()  # models without a version
    effect: Effect = NO_EFFECT  # of all versions together, whether or not they are followed
    followed: Effect = NO_EFFECT  # of those that have skill: the others abstain
    days: tuple[DayEffect, ...] = ()


EXPECTED: Mapping[tuple[ModelName, str], Expected] = {
    (ModelName.ROUTE_SUCCESS, "accuracy"): Expected(0.60, 0.70),
    (ModelName.ROUTE_SUCCESS, "precision"): Expected(0.55, 0.65),
    (ModelName.ROUTE_SUCCESS, "f1"): Expected(0.55, 0.65),
    (ModelName.PROFIT, "mae"): Expected(5, 15, is_higher_better=False),
    (ModelName.PROFIT, "correlation"): Expected(0.6, 0.8),
    (ModelName.PROFIT, "mean_percent_error"): Expected(10, 25, is_higher_better=False),
    (ModelName.SLIPPAGE, "mae"): Expected(5, 15, is_higher_better=False),
    (ModelName.SLIPPAGE, "correlation"): Expected(0.5, 0.7),
}
