"""Plots of a report as inline SVG, drawn in placeholder colours that the page's style gives light and dark ones."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

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
LINE_LETTERS = 110  # of a legend as wide as a page


@dataclass(frozen=True, slots=True)
class Chart:
    """One plot with its title and what to see in it."""

    title: str
    caption: str
    svg: str


def drawn(
    draw: Callable[["Axes"], None], *, title: str, salt: str, width_in: float = WIDTH_IN, height_in: float = HEIGHT_IN
) -> str:
    """Return the SVG of what ``draw`` puts on one pair of axes; the same ``salt`` and data give the same text."""
    from matplotlib import rc_context  # late: 0.5 s, and only where a page is written
    from matplotlib.figure import Figure  # late: as above

    text = StringIO()
    style: Any = {**STYLE, "svg.hashsalt": f"{salt} {title}"}
    with rc_context(style):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        draw(figure.subplots())
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), title)


def finish(axes: "Axes", *, is_time: bool = False) -> None:
    """Give the axes their ticks and, above them, a legend."""
    if is_time:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # late: as the rest of matplotlib

        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=_columns(axes), borderaxespad=0.2, handlelength=1.6)


def _inline(document: str, title: str) -> str:
    """Return the drawing alone, coloured by the page, with a name for those who do not see it."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", document[document.index("<svg") :], flags=re.DOTALL)
    for colour, name in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def _columns(axes: "Axes") -> int:
    """As many names on one line as there is room for."""
    longest = max((len(str(name)) for name in axes.get_legend_handles_labels()[1]), default=0)
    width_in = axes.figure.get_figwidth()  # type: ignore[union-attr]
    return max(1, int(LINE_LETTERS * width_in / WIDTH_IN) // (longest + 8))
