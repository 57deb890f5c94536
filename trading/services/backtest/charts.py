"""The plots of a report as inline SVG, drawn in placeholder colours that the page's style gives light and dark ones."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from domain.timestamps import from_ns
from trading.formats import lasting
from trading.services.backtest import words
from trading.services.backtest.figures import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # its search for fonts is no news

INK, LINE = "#010101", "#020202"
SERIES = ("#030303", "#040404", "#050505", "#060606", "#070707", "#080808")
VARIABLES = {INK: "ink", LINE: "line", **{colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)}}
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
}
WIDTH_IN, HEIGHT_IN = 9.2, 3.0
MOST_ROUTES = 6
LINE_LETTERS = 110  # of a legend


@dataclass(frozen=True, slots=True)
class Chart:
    """One plot with its title and what to see in it."""

    title: str
    caption: str
    svg: str


def charts_of(report: Report) -> list[Chart]:
    """Return every plot that the report has something for."""
    drawn = [
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
    return [Chart(title, caption, _svg(draw, report, title)) for draw, has_data, title, caption in drawn if has_data]


def _svg(draw: Callable[["Axes", Report], None], report: Report, title: str) -> str:
    from matplotlib import rc_context  # late: 0.5 s, and only where a page is written
    from matplotlib.figure import Figure  # late: as above

    text = StringIO()
    style: Any = {**STYLE, "svg.hashsalt": f"{report.run_id} {title}"}
    with rc_context(style):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        draw(figure.subplots(), report)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), title)


def _inline(document: str, title: str) -> str:
    """Return the drawing alone, coloured by the page, with a name for those who do not see it."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", document[document.index("<svg") :], flags=re.DOTALL)
    for colour, name in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def _times(report: Report) -> list[Any]:
    return [from_ns(sample.at_ns) for sample in report.samples]


def _equity(axes: "Axes", report: Report) -> None:
    times, start = _times(report), float(report.start_usd)
    axes.plot(times, [sample.value_usd for sample in report.samples], color=SERIES[0], label="with trading")
    held = [start + sample.hold_usd for sample in report.samples]
    axes.plot(times, held, color=SERIES[1], linestyle="--", label="holding alone")
    _finish(axes, is_time=True)


def _parts(axes: "Axes", report: Report) -> None:
    times = _times(report)
    executed, inventory = ([getattr(one, name) for one in report.samples] for name in ("executed_usd", "inventory_usd"))
    both = [one + other for one, other in zip(executed, inventory, strict=True)]
    axes.plot(times, inventory, color=SERIES[2], linewidth=1, label="inventory")
    axes.plot(times, both, color=SERIES[0], linewidth=1, linestyle="--", label="both together")
    axes.plot(times, executed, color=SERIES[1], label="executed")
    axes.axhline(0, color=INK, linewidth=0.8)
    _finish(axes, is_time=True)


def _places(axes: "Axes", report: Report) -> None:
    times = _times(report)
    for at, (colour, name) in enumerate(zip(SERIES, report.drawn, strict=False)):
        worth = [sample.places_usd[at] for sample in report.samples]
        axes.plot(times, worth, color=colour, drawstyle="steps-post", label=name)
    _finish(axes, is_time=True)


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
    _finish(axes, is_time=True)


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
    _finish(axes)


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
    _finish(axes)


def _finish(axes: "Axes", *, is_time: bool = False) -> None:
    if is_time:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # late: as the rest of matplotlib

        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=_columns(axes), borderaxespad=0.2, handlelength=1.6)


def _columns(axes: "Axes") -> int:
    """As many names on one line as there is room for."""
    longest = max((len(str(name)) for name in axes.get_legend_handles_labels()[1]), default=0)
    return max(1, LINE_LETTERS // (longest + 8))
