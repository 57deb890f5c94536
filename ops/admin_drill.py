"""The way from years to hours above a list; it asks for the first and the last row alone, never for those between."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet


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


_DEPTHS = ("year", "month", "day")


def hour_asked(column: str, begin: datetime) -> dict[str, str]:
    """Return what a list is asked for to show one hour."""
    end = begin + timedelta(hours=1)
    return {f"{column}__gte": f"{begin:%Y-%m-%dT%H:%MZ}", f"{column}__lt": f"{end:%Y-%m-%dT%H:%MZ}"}


def drill_of(listed: Any, column: str, rows: QuerySet[Any]) -> Drill | None:
    """Return where a list's dates lead; None where ``rows``, which are of one scope, are none."""
    first = rows.order_by(column).values_list(column, flat=True).first()
    last = rows.order_by(f"-{column}").values_list(column, flat=True).first()
    if first is None or last is None:
        return None
    asked = _asked(listed.params, column)
    path = tuple(_path(listed, column, asked))
    shown = asked or _common(first, last)
    inside = tuple(_inside(listed, column, shown, first.astimezone(UTC), last.astimezone(UTC)))
    return Drill(path, inside if len(asked) < len(_DEPTHS) or _hour(listed.params, column) is None else ())


def _asked(params: Any, column: str) -> tuple[int, ...]:
    hour = _hour(params, column)
    if hour is not None:
        return hour.year, hour.month, hour.day
    texts = [params.get(f"{column}__{depth}", "") for depth in _DEPTHS]
    numbers = []
    for text in texts:
        if not text.isdigit():
            break
        numbers.append(int(text))
    return tuple(numbers)


def _common(first: datetime, last: datetime) -> tuple[int, ...]:
    """Return the narrowest year, month and day that hold both instants."""
    pairs = zip((first.year, first.month, first.day), (last.year, last.month, last.day), strict=True)
    shared = []
    for ours, theirs in pairs:
        if ours != theirs:
            break
        shared.append(ours)
    return tuple(shared)


def _path(listed: Any, column: str, asked: tuple[int, ...]) -> Iterator[Step]:
    if not asked:
        return
    yield Step("All dates", _address(listed, column, {}))
    for depth in range(1, len(asked) + 1):
        stretch = asked[:depth]
        is_last = depth == len(asked) and _hour(listed.params, column) is None
        yield Step(_title(stretch), _address(listed, column, _year_to_day(column, stretch)), is_last)
    hour = _hour(listed.params, column)
    if hour is not None:
        yield Step(f"{hour:%H:%M}", "", is_shown=True)


def _inside(listed: Any, column: str, shown: tuple[int, ...], first: datetime, last: datetime) -> Iterator[Step]:
    if len(shown) == len(_DEPTHS):
        yield from _hours(listed, column, shown, first, last)
        return
    for number in range(*_numbers(shown, first, last)):
        stretch = (*shown, number)
        yield Step(_title(stretch), _address(listed, column, _year_to_day(column, stretch)))


def _numbers(shown: tuple[int, ...], first: datetime, last: datetime) -> tuple[int, int]:
    """Return the first and one past the last year, month or day inside ``shown`` that may hold rows."""
    if not shown:
        return first.year, last.year + 1
    longest = 12 if len(shown) == 1 else monthrange(*shown)[1]
    heads = [(at.year, at.month, at.day) for at in (first, last)]
    low = heads[0][len(shown)] if heads[0][: len(shown)] == shown else 1
    high = heads[1][len(shown)] if heads[1][: len(shown)] == shown else longest
    is_outside = shown < heads[0][: len(shown)] or shown > heads[1][: len(shown)]
    return (1, 1) if is_outside else (low, high + 1)


def _hours(listed: Any, column: str, shown: tuple[int, ...], first: datetime, last: datetime) -> Iterator[Step]:
    day = datetime(*shown, tzinfo=UTC)  # type: ignore[misc]
    for hour in range(24):
        begin = day + timedelta(hours=hour)
        end = begin + timedelta(hours=1)
        if end <= first or begin > last:
            continue
        yield Step(f"{begin:%H:%M}", _address(listed, column, hour_asked(column, begin)))


def _hour(params: Any, column: str) -> datetime | None:
    text = params.get(f"{column}__gte", "")
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _title(stretch: tuple[int, ...]) -> str:
    if len(stretch) == 1:
        return str(stretch[0])
    at = datetime(*(*stretch, 1)[:3])  # noqa: DTZ001
    return f"{at:%B %Y}" if len(stretch) == 2 else f"{at:%-d %B}"


def _year_to_day(column: str, stretch: tuple[int, ...]) -> dict[str, Any]:
    return {f"{column}__{depth}": number for depth, number in zip(_DEPTHS, stretch, strict=False)}


def _address(listed: Any, column: str, bounds: dict[str, Any]) -> str:
    return str(listed.get_query_string(bounds, remove=[f"{column}__"]))
