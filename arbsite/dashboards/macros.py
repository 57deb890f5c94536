"""Expands a query as Grafana does: its variables first, then the macros of its PostgreSQL data source.

Source: Grafana's PostgreSQL data source documentation, sections "Macros" and "Template variables"; its macro engine
cuts an argument at the first closing bracket and at every comma, and so do we.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from domain.errors import BadInput

VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\[\[(\w+?)(?::(\w+))?\]\]|\$(\w+)")
MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
LEFT_OVER = re.compile(r"\$\{?[A-Za-z_]\w*|\[\[\w+")
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a dashboard's variable stands at; one that may hold several values is quoted by itself."""

    values: tuple[str, ...]
    may_be_several: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What a query is expanded with."""

    start: datetime
    end: datetime
    interval_ms: int = 60_000
    has_timescale: bool = False  # the data source's own switch: time_bucket or plain arithmetic
    variables: Mapping[str, Chosen] = field(default_factory=dict)


def expand(sql: str, setting: Setting) -> str:
    """Return the SQL that the server is sent. Raises: BadInput naming the macro or variable that Grafana lacks."""
    chosen = VARIABLE.sub(lambda found: _variable(found, setting), sql)
    for name, value in _globals(setting).items():
        chosen = chosen.replace(name, value)
    expanded = MACRO.sub(lambda found: _macro(found, chosen, setting), chosen)
    if left := LEFT_OVER.search(expanded):
        raise BadInput(f"{left.group()} is neither a macro of Grafana's PostgreSQL data source nor a variable")
    return expanded


def duration_ms(text: str) -> int:
    """Return a Grafana duration such as 5m in milliseconds. Raises: BadInput."""
    found = _DURATION.fullmatch(text.strip().strip("'"))
    if not found or int(found[1]) == 0:
        raise BadInput(f"{text!r} is no duration such as 30s, 5m, 1h or 1d")
    return int(found[1]) * _UNIT_MS[found[2]]


def _variable(found: re.Match[str], setting: Setting) -> str:
    name, form = found[1] or found[3] or found[5], found[2] or found[4] or ""
    if name in setting.variables:
        return _formatted(setting.variables[name], form)
    value = _page_globals(setting).get(name)
    return found.group() if value is None else value


def _page_globals(setting: Setting) -> dict[str, str]:
    span_ms = round((setting.end - setting.start).total_seconds() * 1000)
    return {
        "__from": str(round(setting.start.timestamp() * 1000)),
        "__to": str(round(setting.end.timestamp() * 1000)),
        "__interval": _duration(setting.interval_ms),
        "__interval_ms": str(setting.interval_ms),
        "__range": f"{span_ms // 1000}s",
        "__range_s": str(span_ms // 1000),
        "__range_ms": str(span_ms),
        "__timezone": "utc",
    }


def _globals(setting: Setting) -> dict[str, str]:
    return {
        "$__interval_ms": str(setting.interval_ms),
        "$__interval": _duration(setting.interval_ms),
        "$__unixEpochFrom()": str(int(setting.start.timestamp())),
        "$__unixEpochTo()": str(int(setting.end.timestamp())),
    }


def _formatted(chosen: Chosen, form: str) -> str:
    if form and form not in _FORMATS:
        raise BadInput(f"the variable format {form!r} is not known: use one of {', '.join(_FORMATS)}")
    if form:
        return _FORMATS[form](chosen.values)
    if chosen.may_be_several:
        return _sqlstring(chosen.values)
    return chosen.values[0].replace("'", "''")


def _sqlstring(values: tuple[str, ...]) -> str:
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


_FORMATS: dict[str, Callable[[tuple[str, ...]], str]] = {
    "sqlstring": _sqlstring,
    "singlequote": lambda values: ",".join("'" + value.replace("'", "\\'") + "'" for value in values),
    "doublequote": lambda values: ",".join('"' + value.replace('"', '\\"') + '"' for value in values),
    "csv": ",".join,
    "raw": ",".join,
    "text": " + ".join,
    "json": lambda values: json.dumps(list(values)) if len(values) > 1 else json.dumps(values[0]),
    "pipe": "|".join,
    "percentencode": lambda values: quote(",".join(values), safe=""),
}


def _macro(found: re.Match[str], sql: str, setting: Setting) -> str:
    name, arguments = found[1], [argument.strip(" ") for argument in found[2].split(",")]
    if "(" in found[2]:
        raise BadInput(f"${name} is given {found[2]!r}: Grafana cuts an argument at the first closing bracket")
    # in the old way of writing it, a comma right after the call asks for the column's name
    first = sql.find(found.group())
    if name == "__timeGroup" and sql[first + len(found.group()) :].startswith(","):
        name = "__timeGroupAlias"
    if name in _VALUES:
        return _VALUES[name](setting)
    if name in _COLUMNS:
        if not arguments[0]:
            raise BadInput(f"${name} needs a time column")
        return _COLUMNS[name](arguments[0], setting)
    if name in _GROUPS:
        return _grouped(name, arguments, setting)
    raise BadInput(f"${name} is no macro of Grafana's PostgreSQL data source")


_VALUES: dict[str, Callable[[Setting], str]] = {
    "__timeFrom": lambda setting: f"'{_instant(setting.start)}'",
    "__timeTo": lambda setting: f"'{_instant(setting.end)}'",
    "__unixEpochNanoFrom": lambda setting: str(_epoch_ns(setting.start)),
    "__unixEpochNanoTo": lambda setting: str(_epoch_ns(setting.end)),
}
_COLUMNS: dict[str, Callable[[str, Setting], str]] = {
    "__time": lambda column, _: f'{column} AS "time"',
    "__timeEpoch": lambda column, _: f'extract(epoch from {column}) as "time"',
    "__timeFilter": lambda column, given: f"{column} BETWEEN '{_instant(given.start)}' AND '{_instant(given.end)}'",
    "__unixEpochFilter": lambda column, given: (
        f"{column} >= {int(given.start.timestamp())} AND {column} <= {int(given.end.timestamp())}"
    ),
    "__unixEpochNanoFilter": lambda column, given: (
        f"{column} >= {_epoch_ns(given.start)} AND {column} <= {_epoch_ns(given.end)}"
    ),
}
_GROUPS = {"__timeGroup", "__timeGroupAlias", "__unixEpochGroup", "__unixEpochGroupAlias"}


def _grouped(name: str, arguments: list[str], setting: Setting) -> str:
    if len(arguments) not in (2, 3) or not arguments[0]:
        raise BadInput(f"${name} needs a time column, an interval and perhaps a fill value")
    if len(arguments) == 3:
        _check_fill(name, arguments[2])
    seconds = duration_ms(arguments[1]) / 1000
    plain = f"{seconds:g}"
    if name.startswith("__unixEpoch"):
        grouped = f"floor(({arguments[0]})/{plain})*{plain}"
    elif setting.has_timescale:
        grouped = f"time_bucket('{seconds:.3f}s',{arguments[0]})"
    else:
        grouped = f"floor(extract(epoch from {arguments[0]})/{plain})*{plain}"
    return grouped + ' AS "time"' if name.endswith("Alias") else grouped


def _check_fill(name: str, fill: str) -> None:
    if fill in ("NULL", "previous"):
        return
    try:
        float(fill)
    except ValueError:
        raise BadInput(f"${name} is to fill with {fill!r}: Grafana takes NULL, previous or a number") from None


def _instant(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return re.sub(r"(\.\d*?)0+Z$", r"\1Z", text)


def _epoch_ns(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1_000


def _duration(duration: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if duration % _UNIT_MS[unit] == 0)
    return f"{duration // _UNIT_MS[unit]}{unit}"
