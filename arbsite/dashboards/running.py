"""Runs the queries of panels and alerts as the role that reads for dashboards, and says what Grafana would show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from arbsite.dashboards.evaluation import Labels, Numbers, Verdict, evaluate
from arbsite.dashboards.lint import chosen, place
from arbsite.dashboards.macros import Setting, expand
from arbsite.dashboards.parts import EXPRESSION, Dashboard, Files, Panel, Rule, Step, Target, Variable
from arbsite.dashboards.problems import Problem
from arbsite.dashboards.role import become
from domain.errors import BadInput

TIME = "time"
NUMBER_TYPES = frozenset({20, 21, 23, 700, 701, 1700})  # PostgreSQL's int8, int2, int4, float4, float8, numeric
INSTANT_TYPES = frozenset({1082, 1114, 1184})  # date, timestamp, timestamptz
SPAN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found: its columns with their types, and its rows."""

    columns: tuple[tuple[str, int], ...]
    rows: Sequence[tuple[Any, ...]]

    @property
    def has_values(self) -> bool:
        """Return whether any row holds more than a time."""
        shown = [at for at, (name, _) in enumerate(self.columns) if name != TIME]
        return any(row[at] is not None for row in self.rows for at in shown)

    @property
    def names(self) -> set[str]:
        """Return what its columns are called, and its texts: a series may be called by one."""
        return {name for name, _ in self.columns} | {value for row in self.rows for value in row if type(value) is str}


@contextmanager
def reading() -> Iterator[None]:
    """Be the dashboards' role within; what is asked leaves nothing behind."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            become(cursor, settings.ARB.dashboards.user)
        yield
        transaction.set_rollback(True)  # back to our own role, path and patience


def ask(sql: str) -> Answer:
    """Return what ``sql`` finds for whoever asks. Raises: BadInput with the server's own words."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
            if cursor.description is None:
                raise BadInput("it is no question: it returns no columns")
            found = Answer(tuple((one.name, one.type_code) for one in cursor.description), cursor.fetchall())
            if cursor.nextset():
                raise BadInput("it is more than one statement")
            return found
    except DatabaseError as error:
        raise BadInput(str(error).splitlines()[0]) from error


def problems_of_panels(files: Files, *, now: datetime, mode: str, is_fresh: bool) -> list[Problem]:
    """Return what is wrong with what the panels show; on a fresh database a stated reason stands for data."""
    with reading():
        return [
            problem
            for dashboard in files.dashboards
            for problem in _of_page(files, dashboard, now=now, mode=mode, is_fresh=is_fresh)
        ]


def verdicts(rules: Sequence[Rule]) -> list[tuple[Rule, Verdict | Problem]]:
    """Return what each rule says of the database as it stands, or why it cannot be evaluated."""
    with reading():
        return [(rule, _verdict(rule)) for rule in rules]


def _verdict(rule: Rule) -> Verdict | Problem:
    try:
        return evaluate(rule, {step.ref: _numbers(step.sql) for step in rule.steps if _is_query(step)})
    except BadInput as error:
        return Problem(rule.uid, str(error))


def _of_page(files: Files, dashboard: Dashboard, *, now: datetime, mode: str, is_fresh: bool) -> Iterator[Problem]:
    for variable in dashboard.variables:
        yield from _of_variable(dashboard, variable, now=now, mode=mode, is_fresh=is_fresh)
    for panel in dashboard.panels:
        if panel.has_queries:
            yield from _of_panel(files, dashboard, panel, now=now, mode=mode, is_fresh=is_fresh)


def _is_query(step: Step) -> bool:
    return step.datasource != EXPRESSION


def _of_variable(
    dashboard: Dashboard, variable: Variable, *, now: datetime, mode: str, is_fresh: bool
) -> Iterator[Problem]:
    if variable.kind != "query":
        return
    where = f"{dashboard.uid} / variable {variable.name}"
    others = [other for other in dashboard.variables if other is not variable]
    try:
        found = ask(expand(variable.sql, Setting(now - SPAN, now, variables=chosen(others, mode=mode))))
    except BadInput as error:
        yield Problem(where, str(error))
        return
    if not found.rows and not is_fresh:
        yield Problem(where, "it offers no choice")


def _of_panel(
    files: Files, dashboard: Dashboard, panel: Panel, *, now: datetime, mode: str, is_fresh: bool
) -> Iterator[Problem]:
    has_values = False
    names: set[str] = set()
    for target in panel.targets:
        where = place(dashboard, panel, target)
        try:
            found = ask(_sql(files, dashboard, target, now=now, mode=mode))
        except BadInput as error:
            yield Problem(where, str(error))
            continue
        yield from (Problem(where, what) for what in faults_of(found, target.format))
        has_values = has_values or found.has_values
        names |= found.names
        if not is_fresh and not found.has_values:
            yield Problem(where, "it shows nothing although there is everything to show")
    for name in sorted(set(panel.named) - names) if names and not is_fresh else ():
        yield Problem(place(dashboard, panel), f"its settings speak of the column {name!r}, which no query gives")
    if is_fresh and not has_values and not panel.no_value:
        yield Problem(place(dashboard, panel), "it shows nothing on a fresh database, and noValue does not say why")


def _sql(files: Files, dashboard: Dashboard, target: Target, *, now: datetime, mode: str) -> str:
    has_timescale = any(source.uid == target.datasource and source.has_timescale for source in files.datasources)
    variables = chosen(dashboard.variables, mode=mode)
    return expand(target.sql, Setting(now - _span(dashboard), now, has_timescale=has_timescale, variables=variables))


def _span(dashboard: Dashboard) -> timedelta:
    """Return the span that a dashboard opens with, as in ``now-7d``."""
    unit = {"h": "hours", "d": "days", "m": "minutes"}.get(dashboard.start[-1:])
    number = dashboard.start.removeprefix("now-")[:-1]
    return timedelta(**{unit: int(number)}) if unit and number.isdigit() else SPAN


def faults_of(found: Answer, shape: str) -> Iterator[str]:
    """Yield what Grafana would refuse of an answer in the shape of a time series or of a table."""
    names = [name for name, _ in found.columns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two of its columns are called {name!r}"
    for at, (name, _) in enumerate(found.columns):
        if any(_is_no_number(row[at]) for row in found.rows):
            yield f"its column {name!r} holds a value that is no number"
    if shape == "time_series":
        yield from _faults_of_series(found, names)


def _faults_of_series(found: Answer, names: Sequence[str]) -> Iterator[str]:
    if TIME not in names:
        yield 'it has no column called "time", which a time series needs'
        return
    at = names.index(TIME)
    kind = found.columns[at][1]
    if kind not in INSTANT_TYPES | NUMBER_TYPES:
        yield 'its column "time" is neither an instant nor a number'
        return
    if not any(code in NUMBER_TYPES for name, code in found.columns if name != TIME):
        yield "it has no column of numbers"
    times = [row[at] for row in found.rows]
    if None in times:
        yield 'its column "time" is null in a row'
    elif times != sorted(times):
        yield 'it is not ordered by "time", ascending'


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float | Decimal) and not math.isfinite(value)


def _numbers(sql: str) -> Numbers:
    """Return a table's numbers by their labels, as Grafana takes them for an alert. Raises: BadInput."""
    found = ask(sql)
    numeric = [at for at, (_, code) in enumerate(found.columns) if code in NUMBER_TYPES]
    if len(numeric) != 1:
        raise BadInput(f"an alert takes one column of numbers, its query has {len(numeric)}")
    numbers: dict[Labels, tuple[float | None, ...]] = {}
    for row in found.rows:
        labels = _labels(found, row, numeric[0])
        if labels in numbers:
            raise BadInput(f"two of its rows have the same labels {dict(labels)}")
        value = row[numeric[0]]
        numbers[labels] = (None if value is None else float(value),)
    return numbers


def _labels(found: Answer, row: tuple[Any, ...], numeric: int) -> Labels:
    words: Mapping[str, Any] = {name: row[at] for at, (name, _) in enumerate(found.columns) if at != numeric}
    for name, word in words.items():
        if not isinstance(word, str):
            raise BadInput(f"its column {name!r} is no text: besides the one number an alert takes labels alone")
    return tuple(sorted(words.items()))
