"""The plots of a validation: probabilities against what came true, predictions against what came, the effect."""

from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

from domain.scores import ModelName
from mlops.validation import words
from mlops.validation.figures import ModelReport, Report
from ops.plots import INK, SERIES, Chart, drawn, finish
from ops.reports import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SQUARE_IN = 4.6
LEAST_SIZE, MOST_SIZE = 12.0, 160.0  # of a bin's circle, in square points


def charts_of(report: ModelReport) -> list[Chart]:
    """Return every plot that a model's report has something for."""
    plots = [
        (_calibration, bool(report.bins), "Calibration", _calibration_caption(report)),
        (_sureness, bool(report.bins), "How sure it was", f"{_shown(report)}, by what was said of them."),
        (_against, not report.bins, "Predicted against actual", f"{_shown(report)}."),
        (_errors, not report.bins, "How far it was off", "Predicted less actual: left of zero it said too little."),
    ]
    if not report.points:
        return []
    return [Chart(title, caption, _svg(draw, report, title)) for draw, has_data, title, caption in plots if has_data]


def effect_chart(report: Report) -> Chart | None:
    """Return what the scores would have added up to, day by day; None where nothing was judged."""
    if len(report.days) < 2:
        return None
    title = "What following the scores would have added up to"
    svg = drawn(lambda axes: _days(axes, report), title=title, salt=str(report.scope))
    return Chart(title, "In US dollars against the rule; bars are days, the line their sum.", svg)


def _svg(draw: Callable[["Axes", ModelReport], None], report: ModelReport, title: str) -> str:
    subject = report.subject
    named, salt = f"{title}: {words.TITLES[subject.model]}", f"{subject.model} {subject.tag}"
    return drawn(lambda axes: draw(axes, report), title=named, salt=salt, width_in=SQUARE_IN, height_in=SQUARE_IN)


def _calibration(axes: "Axes", report: ModelReport) -> None:
    most = max(one.n for one in report.bins)
    said, came = [one.said for one in report.bins], [one.came for one in report.bins]
    reach = [
        [max(0.0, one.came - one.low) for one in report.bins],
        [max(0.0, one.high - one.came) for one in report.bins],
    ]
    sizes = [LEAST_SIZE + (MOST_SIZE - LEAST_SIZE) * one.n / most for one in report.bins]
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="as said")
    axes.errorbar(said, came, yerr=reach, color=SERIES[0], fmt="none", linewidth=1.2)
    axes.scatter(said, came, s=sizes, color=SERIES[0], label="came true, 95 %", zorder=3)
    axes.set(xlabel="probability said", ylabel="share that came true", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    finish(axes)


def _sureness(axes: "Axes", report: ModelReport) -> None:
    """What was said, in twenty steps, of outcomes that came true and of those that did not."""
    outcomes = [[said for said, came in report.points if (came > 0) is is_true] for is_true in (True, False)]
    steps = [step / 20 for step in range(21)]
    axes.hist(outcomes, bins=steps, stacked=True, color=SERIES[:2], label=["came true", "did not"], rwidth=0.9)
    axes.set(xlabel="probability said", ylabel="outcomes", xlim=(-0.02, 1.02))
    finish(axes)


def _against(axes: "Axes", report: ModelReport) -> None:
    said, came = zip(*report.points, strict=True)
    ends = [min(*said, *came), max(*said, *came)]
    axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", label="as said")
    axes.scatter(said, came, s=10, alpha=0.45, color=SERIES[0], linewidths=0, label="outcomes", zorder=3)
    axes.set(xlabel=f"predicted, {_unit(report)}", ylabel=f"actual, {_unit(report)}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    finish(axes)


def _errors(axes: "Axes", report: ModelReport) -> None:
    axes.hist([said - came for said, came in report.points], bins=30, color=SERIES[0], label="outcomes", rwidth=0.9)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle="--", label="as said")
    axes.set(xlabel=f"predicted less actual, {_unit(report)}", ylabel="outcomes")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    finish(axes)


def _days(axes: "Axes", report: Report) -> None:
    names, changes = [one.day for one in report.days], [one.effect.change_usd for one in report.days]
    at = range(len(names))
    axes.bar(at, changes, width=0.6, color=SERIES[1], label="of the day")
    axes.plot(at, list(accumulate(changes)), color=SERIES[0], marker="o", label="since the first day")
    step = max(1, len(names) // 8)
    axes.set_xticks(list(at)[::step], names[::step])
    axes.axhline(0, color=INK, linewidth=0.8)
    finish(axes)


def _calibration_caption(report: ModelReport) -> str:
    return f"{words.calibration_said(report)} A circle's size is how many outcomes it holds."


def _shown(report: ModelReport) -> str:
    shown = len(report.points)
    return f"{'All' if shown == report.n else f'{shown:,} of'} {plural(report.n, 'outcome')}"


def _unit(report: ModelReport) -> str:
    return "USD" if report.subject.model is ModelName.PROFIT else "bps"
