"""What Grafana's files are made of, as values: dashboards, data sources, alert rules, contact points and policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POSTGRES = ("grafana-postgresql-datasource", "postgres")  # the second is how releases before 10 called it
EXPRESSION = "__expr__"  # what Grafana calls its own expressions in place of a data source
WITHOUT_QUERIES = frozenset({"row", "text", "dashlist", "alertlist", "news"})


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel."""

    ref: str
    sql: str
    format: str
    datasource: str
    is_raw: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; the box is left, top, width and height in Grafana's 24 columns."""

    id: int
    kind: str
    title: str
    description: str
    box: tuple[int, int, int, int] | None
    unit: str
    no_value: str
    datasource: str
    targets: tuple[Target, ...]
    is_folded: bool = False  # it lies in a row that is closed: its box takes no room
    named: tuple[str, ...] = ()  # the columns that its settings speak of
    is_lost: bool = False  # it lies inside of a row that is open, where Grafana does not look

    @property
    def has_queries(self) -> bool:
        """Return whether this kind of panel shows what a query finds."""
        return self.kind not in WITHOUT_QUERIES


@dataclass(frozen=True, slots=True)
class Variable:
    """What a reader chooses at the top of a dashboard; a query fills the choice, or its words do."""

    name: str
    kind: str
    sql: str
    choices: tuple[str, ...]
    current: tuple[str, ...]
    may_be_several: bool


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard file."""

    file: str
    uid: str
    title: str
    has_id: bool
    schema_version: int
    timezone: str
    start: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class DataSource:
    """One data source that Grafana is given."""

    file: str
    uid: str
    kind: str
    has_timescale: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One query or expression of an alert rule."""

    ref: str
    datasource: str
    sql: str
    format: str
    kind: str  # of an expression: reduce or threshold
    reads: str  # the step that an expression takes its numbers from
    reducer: str
    evaluator: str
    params: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule."""

    file: str
    uid: str
    title: str
    group: str
    folder: str
    interval: str
    hold: str  # how long it must be so before it fires: "for"
    condition: str
    steps: tuple[Step, ...]
    no_data: str
    on_error: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    dashboard_uid: str
    panel_id: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a contact point sends to."""

    file: str
    contact_point: str
    uid: str
    kind: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which alerts go to which contact point; the first has no matchers and takes what no other takes."""

    file: str
    receiver: str
    group_by: tuple[str, ...]
    matchers: tuple[tuple[str, str, str], ...]
    is_root: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Everything under one folder like ``grafana/``."""

    dashboards: tuple[Dashboard, ...] = ()
    datasources: tuple[DataSource, ...] = ()
    rules: tuple[Rule, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    policies: tuple[Policy, ...] = ()
    providers: tuple[str, ...] = ()
    documents: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # every file by its name, as it stands

    @property
    def sources(self) -> set[str]:
        """Return the uids of the data sources whose queries can be run here."""
        return {source.uid for source in self.datasources if source.kind in POSTGRES}
