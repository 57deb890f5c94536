"""What was said against what came, as one inline picture: no script, readable in light and dark, each point speaks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

from domain.scores import ModelName
from mlops.admin.stored import dollars

_SIDE = 300.0
_LARGEST, _LEAST = 9.0, 2.5  # radii
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MARGIN = 0.05

_NOTES: Mapping[str, str] = {
    ModelName.SLIPPAGE: "What is said is the median, what came the mean: a few large losses lift the points."
}

Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Point:
    """One bin as it is drawn: ``top`` and ``bottom`` bound what came."""

    x: float
    y: float
    radius: float
    top: float
    bottom: float
    says: str


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predictions against what came, both on the same scale; on the diagonal they agree."""

    title: str
    points: tuple[Point, ...]
    ticks: tuple[tuple[float, float, str], ...]  # x, y, words
    summary: str
    note: str = ""
    side: float = _SIDE
    template: ClassVar[str] = "mlops/panels/reliability.html"
    is_wide: ClassVar[bool] = False
    rows_beside: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a predicted amount to its place; bounds that a few wild bins set are theirs to set."""

    low: float
    high: float
    say: Say

    def place(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low) * _SIDE

    def ticks(self) -> tuple[tuple[float, float, str], ...]:
        width = self.high - self.low
        return tuple((part * _SIDE, (1 - part) * _SIDE, self.say(self.low + part * width)) for part in _QUARTERS)


def reliability_of(
    title: str, bins: Sequence[Mapping[str, Any]], model: str = ModelName.ROUTE_SUCCESS
) -> Reliability | None:
    """Return the picture of a model's bins, each ``said``, ``came`` and ``n``; None where nothing was counted."""
    counted = [one for one in bins if isinstance(one, Mapping) and one.get("n")]
    if not counted:
        return None
    scale = _scale(counted, model)
    most, total = max(one["n"] for one in counted), sum(one["n"] for one in counted)
    error = sum(one["n"] * abs(one["said"] - one["came"]) for one in counted) / total
    return Reliability(
        title=title,
        points=tuple(_point(one, most, scale) for one in counted),
        ticks=scale.ticks(),
        summary=f"{total:,} predictions in {len(counted)} bins lie {scale.say(error)} off the diagonal on average.",
        note=_NOTES.get(model, ""),
    )


def _scale(bins: Sequence[Mapping[str, Any]], model: str) -> _Scale:
    if model == ModelName.ROUTE_SUCCESS:
        return _Scale(0.0, 1.0, "{:.1%}".format)
    seen = [one[name] for one in bins for name in ("said", "came", "low", "high") if one.get(name) is not None]
    margin = (max(seen) - min(seen) or 1.0) * _MARGIN
    say = dollars if model == ModelName.PROFIT else "{:.1f} bps".format
    return _Scale(min(seen) - margin, max(seen) + margin, say)


def _point(one: Mapping[str, Any], most: int, scale: _Scale) -> Point:
    said, came, count = one["said"], one["came"], one["n"]
    low, high = (came if one.get(name) is None else one[name] for name in ("low", "high"))
    between = f", by chance from {scale.say(low)} to {scale.say(high)}" if low < high else ""
    return Point(
        x=scale.place(said),
        y=_SIDE - scale.place(came),
        radius=max(_LARGEST * sqrt(count / most), _LEAST),
        top=_SIDE - scale.place(high),
        bottom=_SIDE - scale.place(low),
        says=f"said {scale.say(said)}, came {scale.say(came)}{between}, {count:,} times",
    )
