"""The lint of dashboards: what can be told from the files alone."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from arbsite.dashboards.macros import Chosen, Setting, expand
from arbsite.dashboards.parts import WITHOUT_QUERIES, Dashboard, Files, Panel, Target, Variable
from arbsite.dashboards.problems import Problem
from domain.errors import BadInput

COLUMNS = 24
FORMATS = ("time_series", "table")
UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
UNITLESS = frozenset({"table", "row", "text", "dashlist", "alertlist", "news", "logs"})
KINDS = WITHOUT_QUERIES | frozenset(
    {
        *("timeseries", "stat", "gauge", "bargauge", "table", "barchart", "piechart", "histogram", "heatmap"),
        *("state-timeline", "status-history", "trend", "xychart", "candlestick", "geomap", "canvas", "logs"),
    }
)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def problems_of_dashboards(files: Files) -> Iterator[Problem]:
    """Yield what is wrong with the dashboards, and with how they name each other and their data source."""
    if not files.dashboards:
        yield Problem("dashboards", "there is no dashboard")
    sources = files.sources
    for uid in twice(dashboard.uid for dashboard in files.dashboards):
        yield Problem(uid or "dashboards", f"the uid {uid!r} names more than one dashboard")
    for title in twice(dashboard.title for dashboard in files.dashboards):
        yield Problem(title or "dashboards", f"the title {title!r} names more than one dashboard")
    for dashboard in files.dashboards:
        yield from _of_page(dashboard)
        yield from _of_grid(dashboard)
        for panel in dashboard.panels:
            yield from _of_panel(dashboard, panel, sources)


def problems_of_datasources(files: Files) -> Iterator[Problem]:
    """Yield what is wrong with the data sources."""
    if not files.datasources:
        yield Problem("provisioning", "there is no data source")
    for uid in twice(source.uid for source in files.datasources):
        yield Problem(uid, f"the uid {uid!r} names more than one data source")
    for source in files.datasources:
        if not UID.fullmatch(source.uid):
            yield Problem(source.file, f"the data source's uid {source.uid!r} is not fixed: panels name it")
    if not files.providers:
        yield Problem("provisioning", "no provider tells Grafana where the dashboards are")


def twice(values: Iterable[str] | Iterable[int]) -> list[str]:
    """Return those of the names that are there more than once."""
    return [str(value) for value, count in Counter(values).items() if count > 1]


def place(dashboard: Dashboard, panel: Panel, target: Target | None = None) -> str:
    """Return the words that name a panel, or one of its queries."""
    name = f"{dashboard.uid or dashboard.file} / {panel.title or panel.kind} ({panel.id})"
    return f"{name} {target.ref}" if target else name


def chosen(variables: Iterable[Variable], **given: str) -> dict[str, Chosen]:
    """Return what each variable stands at; ``given`` overrides what the file says."""
    found = {}
    for one in variables:
        values = (given[one.name],) if one.name in given else one.current or one.choices[:1] or ("",)
        found[one.name] = Chosen(values, one.may_be_several)
    return found


def _of_page(dashboard: Dashboard) -> Iterator[Problem]:
    where = dashboard.uid or dashboard.file
    if not UID.fullmatch(dashboard.uid):
        yield Problem(dashboard.file, f"the uid {dashboard.uid!r} is not fixed: 1 to 40 letters, digits, - and _")
    if dashboard.has_id:
        yield Problem(where, "it has an id of another Grafana's database: id must be null")
    if not dashboard.title:
        yield Problem(where, "it has no title")
    if dashboard.schema_version < 36:
        yield Problem(where, f"its schemaVersion is {dashboard.schema_version}: Grafana 11 and 12 read 36 and later")
    if dashboard.timezone != "utc":
        yield Problem(where, f"its timezone is {dashboard.timezone!r}: every time is UTC")
    if not any(panel.has_queries for panel in dashboard.panels):
        yield Problem(where, "it shows nothing")
    for name in twice(variable.name for variable in dashboard.variables):
        yield Problem(where, f"the variable {name!r} stands there twice")
    for variable in dashboard.variables:
        if variable.kind == "custom" and not set(variable.current) <= {*variable.choices, "$__all"}:
            yield Problem(where, f"the variable {variable.name} stands at {variable.current}, which is no choice")


def _of_grid(dashboard: Dashboard) -> Iterator[Problem]:
    for number in twice(panel.id for panel in dashboard.panels):
        yield Problem(dashboard.uid or dashboard.file, f"the panel id {number} stands there twice")
    for panel in dashboard.panels:
        if panel.id < 1:
            yield Problem(place(dashboard, panel), "its id is not a positive number")
        if panel.is_lost:
            yield Problem(place(dashboard, panel), "it lies inside of a row that is open: Grafana would not show it")
        if panel.kind not in KINDS:
            yield Problem(place(dashboard, panel), f"its type {panel.kind!r} is none of Grafana's own")
        if not _fits(panel):
            yield Problem(place(dashboard, panel), f"its gridPos {panel.box} does not lie in {COLUMNS} columns")
    shown = [panel for panel in dashboard.panels if not panel.is_folded and _fits(panel)]
    for one, other in combinations(shown, 2):
        if _overlap(one, other):
            yield Problem(place(dashboard, one), f"it overlaps {other.title or other.kind} ({other.id})")


def _fits(panel: Panel) -> bool:
    if panel.box is None:
        return False
    left, top, width, height = panel.box
    return left >= 0 and top >= 0 and width >= 1 and height >= 1 and left + width <= COLUMNS


def _overlap(one: Panel, other: Panel) -> bool:
    assert one.box
    assert other.box
    left, top, width, height = one.box
    other_left, other_top, other_width, other_height = other.box
    is_beside = left + width <= other_left or other_left + other_width <= left
    return not (is_beside or top + height <= other_top or other_top + other_height <= top)


def _of_panel(dashboard: Dashboard, panel: Panel, sources: set[str]) -> Iterator[Problem]:
    where = place(dashboard, panel)
    if not panel.title:
        yield Problem(where, "it has no title")
    if not panel.has_queries:
        return
    if not panel.description:
        yield Problem(where, "it has no description")
    if not panel.unit and panel.kind not in UNITLESS:
        yield Problem(where, "its values have no unit")
    if not panel.targets:
        yield Problem(where, "it asks nothing")
    for ref in twice(target.ref for target in panel.targets):
        yield Problem(where, f"the refId {ref!r} names more than one of its queries")
    for target in panel.targets:
        yield from _of_target(dashboard, panel, target, sources)


def _of_target(dashboard: Dashboard, panel: Panel, target: Target, sources: set[str]) -> Iterator[Problem]:
    where = place(dashboard, panel, target)
    if not target.ref:
        yield Problem(where, "a query has no refId")
    if target.datasource not in sources:
        yield Problem(where, f"its data source {target.datasource!r} is not provisioned")
    if target.format not in FORMATS:
        yield Problem(where, f"its format is {target.format!r}: Grafana knows {' and '.join(FORMATS)}")
    if not target.is_raw:
        yield Problem(where, "rawQuery is not true: Grafana's builder would write the query anew")
    if not target.sql.strip():
        yield Problem(where, "its query is empty")
        return
    try:
        expand(target.sql, Setting(UNTIL - timedelta(days=1), UNTIL, variables=chosen(dashboard.variables)))
    except BadInput as error:
        yield Problem(where, str(error))
