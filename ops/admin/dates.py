"""The way from years to hours above a list; it asks for the first and the last row alone, never for those between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

_TITLES = ("%Y", "%B %Y", "%-d %B", "%H:%M")
_YEAR, _MONTH, _DAY, _HOUR = range(len(_TITLES))
_LONGEST = (timedelta(days=366), timedelta(days=31), timedelta(days=1), timedelta(hours=1))
_FIRSTS = (("month", 1), ("day", 1), ("hour", 0))
_LEAST_CHOICE = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of time, where it leads, and whether it is the one that is shown."""

    title: str
    address: str
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class Drill:
    """The stretches that are open, from the widest to the one shown, and those inside it that hold rows or may."""

    path: tuple[Step, ...]
    inside: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A year, month, day or hour by its first instant."""

    depth: int
    begin: datetime

    @property
    def end(self) -> datetime:
        return _begin(self.depth, self.begin + _LONGEST[self.depth])

    @property
    def title(self) -> str:
        return self.begin.strftime(_TITLES[self.depth])

    def around(self) -> Iterator["_Stretch"]:
        """Yield the year, the month and so on that this lies in, itself the last."""
        return (_around(depth, self.begin) for depth in range(self.depth + 1))

    def inside(self, first: datetime, last: datetime) -> Iterator["_Stretch"]:
        """Yield the next narrower stretches, from that of ``first`` to that of ``last``."""
        if self.depth < _HOUR and first < self.end:
            yield from _stretches(self.depth + 1, max(first, self.begin), min(last, self.end - timedelta.resolution))


def hour_asked(column: str, begin: datetime) -> dict[str, str]:
    """Return what a list is asked for to show one hour."""
    return _asked_for(column, _Stretch(_HOUR, begin))


def drill_of(listed: Any, column: str, rows: QuerySet[Any], *, holds_days: bool = False) -> Drill | None:
    """Return where a list's dates lead, no further than to days in one that ``holds_days``.

    None where ``rows``, which are of one scope, leave nothing to choose.
    """
    first = rows.order_by(column).values_list(column, flat=True).first()
    last = rows.order_by(f"-{column}").values_list(column, flat=True).first()
    if first is None or last is None:
        return None
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    asked = _asked(listed.params, column)
    shown = asked or _common(first, last)
    narrower = shown.inside(first, last) if shown else _stretches(_YEAR, first, last)
    inside = [one for one in narrower if one.depth < _HOUR or not holds_days]
    if asked is None and len(inside) < _LEAST_CHOICE:
        return None
    return Drill(
        tuple(_path(listed, column, asked)),
        tuple(Step(one.title, _address(listed, _asked_for(column, one), column)) for one in inside),
    )


def _asked(params: Any, column: str) -> _Stretch | None:
    """Return the stretch that a list's bounds are those of."""
    try:
        begin, end = (datetime.fromisoformat(params[f"{column}__{bound}"]).astimezone(UTC) for bound in ("gte", "lt"))
        found = (_around(depth, begin) for depth in range(len(_TITLES)))
        return next((one for one in found if (one.begin, one.end) == (begin, end)), None)
    except (KeyError, ValueError, OverflowError):
        return None


def _common(first: datetime, last: datetime) -> _Stretch | None:
    """Return the narrowest year, month or day that holds both instants."""
    found = [_around(depth, first) for depth in (_DAY, _MONTH, _YEAR)]
    return next((one for one in found if last < one.end), None)


def _path(listed: Any, column: str, asked: _Stretch | None) -> Iterator[Step]:
    if asked is None:
        return
    yield Step("All dates", _address(listed, {}, column))
    for one in asked.around():
        yield Step(one.title, _address(listed, _asked_for(column, one), column), is_shown=one == asked)


def _stretches(depth: int, first: datetime, last: datetime) -> Iterator[_Stretch]:
    one = _around(depth, first)
    while one.begin <= last:
        yield one
        one = _Stretch(depth, one.end)


def _around(depth: int, at: datetime) -> _Stretch:
    return _Stretch(depth, _begin(depth, at))


def _begin(depth: int, at: datetime) -> datetime:
    """Return the first instant of the year, month, day or hour of ``at``."""
    return at.replace(minute=0, second=0, microsecond=0).replace(**dict(_FIRSTS[depth:]))  # type: ignore[arg-type]


def _asked_for(column: str, one: _Stretch) -> dict[str, str]:
    return {f"{column}__gte": f"{one.begin:%Y-%m-%dT%H:%MZ}", f"{column}__lt": f"{one.end:%Y-%m-%dT%H:%MZ}"}


def _address(listed: Any, bounds: dict[str, str], column: str) -> str:
    return str(listed.get_query_string(bounds, remove=[f"{column}__"]))
