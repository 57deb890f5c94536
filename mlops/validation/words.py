"""A validation in words and in tables, the same on a terminal, in a file and on the page."""

from collections.abc import Iterator, Sequence

from domain.scores import ModelName
from mlops.measures import titled
from mlops.validation.figures import (
    IN_SAMPLE,
    LEAST_FOR_CALIBRATION,
    MOST_CALIBRATION_ERROR,
    Bin,
    DayEffect,
    Effect,
    Figure,
    ModelReport,
    Report,
)
from ops.reports import Sheet, plural

NOTHING = "–"
TITLES = {
    ModelName.ROUTE_SUCCESS: "Route Success Predictor",
    ModelName.PROFIT: "Profit Maximizer",
    ModelName.SLIPPAGE: "Slippage Predictor",
}
REASONS = {IN_SAMPLE: "decided before its training data ended: it may know them by heart"}
COLUMNS = ("", "measured", "95 % interval", "expected", "the rule", "n", "")

READING = (
    (
        "An interval holds the true figure in 95 of 100 cases; it is drawn from runs of episodes, not from single "
        "outcomes. What is expected is what two weeks of data usually bring. Met: the whole interval is at least that "
        "good; better: all of it is beyond; worse: none of it reaches it. Below 50 outcomes there is no verdict."
    ),
    (
        "The rule trades whatever pays after costs: as a prediction it says that every opportunity succeeds, no near "
        "miss does, that each earns what was planned and that nothing is lost on the way."
    ),
    (
        "An outcome that was executed counts with what it settled at, any other with what the market would have given "
        "after the delay."
    ),
)


def span(report: Report) -> str:
    """Return what was looked at."""
    ends = " to ".join(f"{at:%Y-%m-%d %H:%M}" for at in (report.first, report.last))
    return f"{report.scope}, {ends} (UTC), {plural(report.outcomes, 'outcome')}, {report.executed:,} executed"


def headline(report: Report) -> list[str]:
    """Return the answer in a few sentences: what the scores were worth, then each model in one."""
    sentences = [] if report.outcomes else [_no_outcomes_said(report)]
    if report.models and report.outcomes:
        sentences += [_effect_said(report.effect), *_followed_said(report)]
        sentences += [f"{TITLES[one.subject.model]} {one.subject.tag}: {verdict_said(one)}" for one in report.models]
    return sentences + [missing_said(model) for model in report.missing]


def missing_said(model: ModelName) -> str:
    """Return that a model has no version, and how it gets one."""
    return f"{TITLES[model]}: there is no version yet; train {model} makes one."


def verdict_said(report: ModelReport) -> str:
    """Return in one sentence how a model lies to what is expected of it."""
    if not report.n:
        return f"no outcome of this span was judged{_abstained(report)}."
    figures = [figure for figure in report.figures if figure.verdict is not None]
    told = ", ".join(f"{titled(one.name)} {_value(one)} ({one.verdict})" for one in figures)
    return f"{told or 'nothing is expected of it'}, over {plural(report.n, 'outcome')}."


def notes(report: ModelReport) -> Iterator[str]:
    """Yield what has to be known to read a model's figures."""
    subject = report.subject
    if subject.is_synthetic:
        yield "It was trained on the simulator's market, and never serves live."
    if not subject.has_skill:
        yield f"It has no skill, so that it abstains and the rule decides: {subject.why or 'no reason is kept'}."
    if report.n_in_sample:
        yield (
            f"{report.n_in_sample:,} of {plural(report.n, 'outcome')} were decided before its training data ended: "
            "it may know them by heart, and its figures flatter it."
        )
    if report.abstained and report.n:
        yield f"It left out {_reasons(report)}."
    if report.refuses and report.n:
        yield _alone_said(report.effect)
    if subject.model is ModelName.ROUTE_SUCCESS and report.n:
        yield calibration_said(report)


def calibration_said(report: ModelReport) -> str:
    """Return how well the probabilities are calibrated; below enough outcomes, only how many there are."""
    error = report.figure("ece")
    if error is None or error.value is None:
        return "Its calibration could not be measured."
    chance = "" if report.chance_error is None else f" ({amount(report.chance_error, 'share')} by chance alone)"
    measured = f"Calibration error {_value(error)}{chance} over {plural(report.n, 'outcome')}"
    if report.n < LEAST_FOR_CALIBRATION:
        return f"{measured}: no verdict, that takes {LEAST_FOR_CALIBRATION:,}."
    is_met = error.value < MOST_CALIBRATION_ERROR
    return f"{measured}: {'below' if is_met else 'not below'} the {MOST_CALIBRATION_ERROR:.0%} that is asked for."


def sheets_of(report: ModelReport) -> list[Sheet]:
    """Return a model's tables."""
    if not report.n:
        return []
    sheets = [Sheet("Measured and expected", COLUMNS, [_row(figure) for figure in report.figures])]
    if report.executed:
        rows = [_row(figure) for figure in report.executed]
        sheets.append(Sheet("Executed outcomes alone", COLUMNS, rows))
    if report.bins:
        names = ("said", "came true", "95 % interval", "n")
        sheets.append(Sheet("Calibration", names, [_bin_row(one) for one in report.bins]))
    return sheets


def days_sheet(days: Sequence[DayEffect]) -> Sheet:
    """Return the effect day by day."""
    names = ("day (UTC)", "judged", "refused", "rightly", "the rule", "change", "95 % interval")
    return Sheet("What the scores would have changed, in USD", names, [_day_row(one.day, one.effect) for one in days])


def amount(value: float | None, unit: str) -> str:
    """Return a figure in its unit."""
    if value is None:
        return NOTHING
    match unit:
        case "share":
            return f"{value * 100:.1f} %"
        case "percent":
            return f"{value:,.1f} %"
        case "usd":
            return f"{'-' if value < 0 else ''}${abs(value):,.2f}"
        case "bps":
            return f"{value:,.1f} bps"
    return f"{value:.3f}"


def signed_usd(value: float) -> str:
    """Return a change with its sign."""
    return f"{'-' if value < 0 else '+'}${abs(value):,.2f}"


def _no_outcomes_said(report: Report) -> str:
    """Return that there is nothing to judge by, and why."""
    others = f"; {plural(report.of_other_features, 'sample')} of other features are left out"
    return (
        f"There is no outcome to judge by in {report.scope} from {report.first:%Y-%m-%d %H:%M} to "
        f"{report.last:%Y-%m-%d %H:%M} (UTC){others if report.of_other_features else ''}."
    )


def _effect_said(effect: Effect) -> str:
    """Return what following the scores would have changed."""
    if not effect.n:
        return "No opportunity was judged by a model, so that nothing would have changed: the rule decided."
    if not effect.refused:
        return f"The scores would have refused none of {effect.n:,} opportunities: nothing changes against the rule."
    of = f"{effect.n:,} opportunities ({effect.n_executed:,} executed)"
    refused = f"The scores would have refused {effect.refused:,} of {of}"
    change = f"{signed_usd(effect.change_usd)} beside the rule's {amount(effect.rule_usd, 'usd')}"
    return f"{refused}, {effect.refused_rightly:,} of them rightly: {change}{_bounds(effect)}."


def _followed_said(report: Report) -> Iterator[str]:
    """Yield what is left of the effect where models without skill abstain."""
    unskilled = [TITLES[one.subject.model] for one in report.models if one.refuses and not one.subject.has_skill]
    if unskilled:
        left = report.followed
        change = f"{signed_usd(left.change_usd)}{_bounds(left)}" if left.n else "nothing, the rule decides"
        yield f"Abstaining for want of skill: {' and '.join(unskilled)}; so what changes in fact is {change}."


def _alone_said(effect: Effect) -> str:
    """Return what following this model alone would have changed."""
    if not effect.refused:
        return f"Alone it would have refused none of {plural(effect.n, 'opportunity')}."
    refused = f"Alone it would have refused {effect.refused:,} of {effect.n:,} ({effect.n_executed:,} executed)"
    return f"{refused}, {effect.refused_rightly:,} of them rightly: {signed_usd(effect.change_usd)}{_bounds(effect)}."


def _row(figure: Figure) -> Sequence[str]:
    expected = figure.expected
    return (
        titled(figure.name),
        _value(figure),
        NOTHING if figure.low is None else _range(figure.low, figure.high, figure.unit),
        "" if expected is None else _range(expected.low, expected.high, figure.unit, is_round=True),
        amount(figure.rule, figure.unit),
        f"{figure.n:,}",
        str(figure.verdict or ""),
    )


def _value(figure: Figure) -> str:
    return amount(figure.value, figure.unit)


def _range(low: float | None, high: float | None, unit: str, *, is_round: bool = False) -> str:
    """Return a span in one unit, said once."""
    if low is None or high is None:
        return NOTHING
    digits = 0 if is_round else 1
    match unit:
        case "share":
            return f"{low * 100:.{digits}f} to {high * 100:.{digits}f} %"
        case "percent":
            return f"{low:,.{digits}f} to {high:,.{digits}f} %"
        case "bps":
            return f"{low:,.{digits}f} to {high:,.{digits}f} bps"
        case "usd":
            return f"${low:,.0f} to ${high:,.0f}" if is_round else f"{amount(low, unit)} to {amount(high, unit)}"
    digits += 2
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _bin_row(one: Bin) -> Sequence[str]:
    return amount(one.said, "share"), amount(one.came, "share"), _range(one.low, one.high, "share"), f"{one.n:,}"


def _day_row(day: str, effect: Effect) -> Sequence[str]:
    return (
        day,
        f"{effect.n:,}",
        f"{effect.refused:,}",
        f"{effect.refused_rightly:,}",
        amount(effect.rule_usd, "usd"),
        signed_usd(effect.change_usd),
        _range(effect.low_usd, effect.high_usd, "usd"),
    )


def _bounds(effect: Effect) -> str:
    if effect.low_usd is None or effect.high_usd is None:
        return ", too few episodes to say how surely"
    return f", 95 % sure between {signed_usd(effect.low_usd)} and {signed_usd(effect.high_usd)}"


def _abstained(report: ModelReport) -> str:
    return f": it left out {_reasons(report)}" if report.abstained else ""


def _reasons(report: ModelReport) -> str:
    told = sorted(report.abstained.items())
    return ", ".join(f"{count:,} ({REASONS.get(reason, reason.replace('_', ' '))})" for reason, count in told)
