"""The plots of a backtest's report."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from domain.timestamps import from_ns
from ops.plots import INK, SERIES, Chart, drawn, finish
from trading.formats import lasting
from trading.services.backtest import words
from trading.services.backtest.figures import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROUTES = 6


def charts_of(report: Report) -> list[Chart]:
    """Return every plot that the report has something for."""
    plots = [
        (_equity, bool(report.samples), "What it was worth", "In US dollars, coins at their venue's own last price."),
        (
            _parts,
            bool(report.samples),
            "What trading added to holding",
            "Executed is what the trades earned by their own books; inventory what lying elsewhere is worth since.",
        ),
        (
            _places,
            bool(report.samples),
            "What lay where",
            "In US dollars. Without transfers a venue runs dry, and trades in that direction end.",
        ),
        (_found, bool(report.found), "Opportunities", "Net edge in bps when found; filled circles were traded."),
        (
            _costs,
            report.fills_anything,
            "From edge to result",
            "In US dollars, by route, of executions that ended even.",
        ),
        (
            _decay,
            any(route.decay for route in report.routes),
            "What was left of the edge later",
            "Median net edge in bps some time after the decision.",
        ),
    ]
    return [Chart(title, caption, _svg(draw, report, title)) for draw, has_data, title, caption in plots if has_data]


def _svg(draw: Callable[["Axes", Report], None], report: Report, title: str) -> str:
    return drawn(lambda axes: draw(axes, report), title=title, salt=report.run_id)


def _times(report: Report) -> list[Any]:
    return [from_ns(sample.at_ns) for sample in report.samples]


def _equity(axes: "Axes", report: Report) -> None:
    times, start = _times(report), float(report.start_usd)
    axes.plot(times, [sample.value_usd for sample in report.samples], color=SERIES[0], label="with trading")
    held = [start + sample.hold_usd for sample in report.samples]
    axes.plot(times, held, color=SERIES[1], linestyle="--", label="holding alone")
    finish(axes, is_time=True)


def _parts(axes: "Axes", report: Report) -> None:
    times = _times(report)
    executed, inventory = ([getattr(one, name) for one in report.samples] for name in ("executed_usd", "inventory_usd"))
    both = [one + other for one, other in zip(executed, inventory, strict=True)]
    axes.plot(times, inventory, color=SERIES[2], linewidth=1, label="inventory")
    axes.plot(times, both, color=SERIES[0], linewidth=1, linestyle="--", label="both together")
    axes.plot(times, executed, color=SERIES[1], label="executed")
    axes.axhline(0, color=INK, linewidth=0.8)
    finish(axes, is_time=True)


def _places(axes: "Axes", report: Report) -> None:
    times = _times(report)
    for at, (colour, name) in enumerate(zip(SERIES, report.drawn, strict=False)):
        worth = [sample.places_usd[at] for sample in report.samples]
        axes.plot(times, worth, color=colour, drawstyle="steps-post", label=name)
    finish(axes, is_time=True)


def _found(axes: "Axes", report: Report) -> None:
    for is_traded, colour, fill, name in (
        (False, SERIES[1], "none", "not traded"),
        (True, SERIES[0], SERIES[0], "traded"),
    ):
        shown = [one for one in report.found if one.executed is is_traded]
        times: list[Any] = [from_ns(one.at_ns) for one in shown]
        axes.scatter(
            times,
            [one.net_bps for one in shown],
            s=22,
            facecolors=fill,
            edgecolors=colour,
            label=f"{name} ({len(shown)})",
        )
    axes.set_ylabel("bps net")
    span: Any = (report.first_at, report.last_at)
    axes.set_xlim(*span)
    finish(axes, is_time=True)


def _costs(axes: "Axes", report: Report) -> None:
    routes = [route for route in report.routes if route.fills.executions][:MOST_ROUTES]
    lines = ("gross_usd", "fees_usd", "slippage_usd", "unwind_usd", "net_usd")
    signs, names = (1, -1, -1, -1, 1), ("gross edge", "fees", "slippage", "unwinding", "earned")
    width = 0.8 / len(lines)
    for number, (line, sign, name) in enumerate(zip(lines, signs, names, strict=True)):
        heights = [sign * float(getattr(route.costs, line)) for route in routes]
        at = [place + (number - 2) * width for place in range(len(routes))]
        axes.bar(at, heights, width=width * 0.9, color=SERIES[number], label=name)
    axes.set_xticks(range(len(routes)), [_on_two_lines(route.route) for route in routes])
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.grid(axis="x", visible=False)
    finish(axes)


def _on_two_lines(route: str) -> str:
    return words.route_name(route).replace(" > ", " >\n")


def _decay(axes: "Axes", report: Report) -> None:
    routes = [route for route in report.routes if route.decay][:MOST_ROUTES]
    offsets = sorted({decay.offset_ms for route in routes for decay in route.decay})
    for colour, route in zip(SERIES, routes, strict=False):
        left = {0: route.edges.net_median_bps} | {one.offset_ms: one.median_bps for one in route.decay}
        shown = [(at, left[offset]) for at, offset in enumerate([0, *offsets]) if left.get(offset) is not None]
        axes.plot(*zip(*shown, strict=True), color=colour, marker="o", label=words.route_name(route.route))
    axes.set_xticks(range(len(offsets) + 1), ["found", *(lasting(offset) for offset in offsets)])
    axes.set_ylabel("bps net")
    axes.set_ylim(bottom=0)
    finish(axes)
