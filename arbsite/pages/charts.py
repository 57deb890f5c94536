"""Bars over hours as one inline picture: no script, readable in light and dark, each bar says its figures."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH = 720.0
_HEIGHT = 150.0
_GAP = 0.25  # of a bar's place
_LEAST = 1.5  # pixels of a bar that is not nothing


@dataclass(frozen=True, slots=True)
class Bar:
    """One place on the axis: its parts from the axis outwards, below it where negative, and what it says."""

    parts: Sequence[tuple[float, str]]  # height, colour
    says: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar as it is drawn; ``hit`` is where a pointer finds it."""

    boxes: tuple[Box, ...]
    hit: Box
    says: str
    address: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of bars with its scale and its legend; ``summary`` says it to those who cannot see it."""

    title: str
    bars: tuple[Drawn, ...]
    axis_y: float
    top: str
    bottom: str
    ticks: tuple[tuple[float, str], ...]  # share of the width, words
    legend: tuple[tuple[str, str], ...]  # colour, words
    summary: str
    nothing: str = ""
    width: float = _WIDTH
    height: float = _HEIGHT


def chart(
    title: str,
    bars: Sequence[Bar],
    *,
    scale: tuple[str, str],
    ticks: Sequence[tuple[int, str]],
    legend: Sequence[tuple[str, str]],
    summary: str,
    nothing: str = "",
) -> Chart:
    """Return the bars drawn side by side; ``scale`` names the highest and the lowest value, ticks their bars."""
    highest = max((_above(bar) for bar in bars), default=0.0)
    lowest = min((_below(bar) for bar in bars), default=0.0)
    unit = _HEIGHT / ((highest - lowest) or 1.0)
    axis_y, place = highest * unit, _WIDTH / max(len(bars), 1)
    return Chart(
        title=title,
        bars=tuple(_drawn(bar, number * place, place, axis_y, unit) for number, bar in enumerate(bars)),
        axis_y=axis_y,
        top=scale[0],
        bottom=scale[1],
        ticks=tuple((100 * (number + 0.5) / max(len(bars), 1), words) for number, words in ticks),
        legend=tuple(legend),
        summary=summary,
        nothing=nothing if highest == lowest else "",
    )


def _drawn(bar: Bar, x: float, place: float, axis_y: float, unit: float) -> Drawn:
    left, width = x + place * _GAP / 2, place * (1 - _GAP)
    above = below = axis_y
    boxes = []
    for value, colour in bar.parts:
        if not value:
            continue
        height = max(abs(value) * unit, _LEAST)
        top = above - height if value > 0 else below
        above, below = (top, below) if value > 0 else (above, below + height)
        boxes.append(Box(left, top, width, height, colour))
    return Drawn(tuple(boxes), Box(x, 0, place, _HEIGHT, ""), bar.says, bar.address)


def _above(bar: Bar) -> float:
    return sum(value for value, _ in bar.parts if value > 0)


def _below(bar: Bar) -> float:
    return sum(value for value, _ in bar.parts if value < 0)
