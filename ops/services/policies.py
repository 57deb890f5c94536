"""What TimescaleDB does by itself, as the settings say: refresh aggregates, compress old rows, drop older ones."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from domain.scope import Mode
from ops.locks import hold_until_commit
from ops.series import has_community_edition
from ops.sql import rows_of
from ops.time_bucket import ensure_search_path

AGGREGATED = "arbitrage_opportunities"
HOURLY = "hourly_performance"
_LOCK = "policies"
_DAY = timedelta(days=1)
_REFRESHED = {  # by aggregate: how far behind now its newest rows end, and how often it is brought up to date
    HOURLY: (timedelta(hours=1), timedelta(minutes=10)),
    "daily_profitability": (_DAY, timedelta(hours=1)),
}
# Rows are compressed once nothing changes them: opportunities may settle late, everything else is only added.
_COMPRESSED_AFTER = {AGGREGATED: timedelta(days=45)}
_USUALLY_COMPRESSED_AFTER = timedelta(days=14)
_SEGMENTS = ("mode", "run_id", "venue", "symbol", "kind", "model_name")

_SERIES = """
SELECT hypertable_name FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema()
"""
_AGGREGATES = "SELECT view_name FROM timescaledb_information.continuous_aggregates WHERE view_schema = current_schema()"
_JOBS = """
SELECT proc_name, hypertable_name, job_id, schedule_interval,
       coalesce(config->>'start_offset', config->>'compress_after', config->>'drop_after')::interval,
       (config->>'end_offset')::interval
FROM timescaledb_information.jobs
WHERE proc_name IN ('policy_refresh_continuous_aggregate', 'policy_compression', 'policy_retention')
  AND hypertable_schema = current_schema()
"""
_KINDS = {
    "policy_refresh_continuous_aggregate": "refresh",
    "policy_compression": "columnstore",
    "policy_retention": "retention",
}
_REACH_KEYS = {"refresh": "start_offset", "columnstore": "compress_after", "retention": "drop_after"}
_ADD = {
    "refresh": "SELECT add_continuous_aggregate_policy(%(relation)s, start_offset => %(after)s::interval, "
    "end_offset => %(until)s::interval, schedule_interval => %(every)s::interval)",
    "columnstore": "CALL add_columnstore_policy(%(relation)s, after => %(after)s::interval)",
    "retention": "SELECT add_retention_policy(%(relation)s, drop_after => %(after)s::interval)",
}
_ALTER = """
SELECT alter_job(job_id, schedule_interval => coalesce(%(every)s, schedule_interval), config => config || %(config)s)
FROM timescaledb_information.jobs WHERE job_id = %(job)s
"""
_OLDEST_ROWS = """
SELECT now() - min(range_start) FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = %s
"""
_MATERIALIZED = """
SELECT format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name)
FROM timescaledb_information.continuous_aggregates WHERE view_schema = current_schema() AND view_name = %s
"""
_IS_COMPRESSED = """
SELECT compression_enabled FROM timescaledb_information.hypertables
WHERE hypertable_schema = current_schema() AND hypertable_name = %s
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """One thing that the server does regularly, at its own pace where ``every`` is None."""

    kind: str
    relation: str
    after: timedelta | None  # how old rows are; of a refresh how far it reaches back, None for all the way
    until: timedelta | None = None
    every: timedelta | None = None

    def __str__(self) -> str:
        reach = "all the way back" if self.after is None else f"{self.after.days} days"
        return f"{self.kind} of {self.relation}: {reach}"


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    policy: Policy


class _Change(NamedTuple):
    statement: str
    params: Any
    about: str = ""  # what is said of it; one that only prepares another is not spoken of


def align(*, is_trial: bool = False) -> list[str]:
    """Bring the server in line with the settings and return what that changes, in words; safe to run again.

    Called after every migrate and by beat. A database of replays keeps everything: its rows are as old as the
    recordings they come from, and a replay is deleted as a whole. On plain PostgreSQL there is nothing to tell the
    server but the search path: rows are deleted by ``retention``.
    """
    if not is_trial:
        ensure_search_path(connection)
    if not has_community_edition(connection):
        return []
    with transaction.atomic():
        hold_until_commit(_LOCK)
        wanted = {(one.kind, one.relation): one for one in _wanted()}
        present = _present()
        changes = [
            *_removals([job for key, job in present.items() if key not in wanted]),
            *_additions([one for key, one in wanted.items() if key not in present]),
            *_alterations([(present[key], one) for key, one in wanted.items() if key in present]),
        ]
        for change in () if is_trial else changes:
            _run(change)
    return [change.about for change in changes if change.about]


def align_after_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    """Align the server once a migrate is through; the flush that ends a test sends the same signal without a plan."""
    if using == "default" and "plan" in kwargs:
        align()


def holds_replays() -> bool:
    """Return whether the database in use is that of the replays."""
    return bool(connection.settings_dict["NAME"] == settings.ARB.database.name_for(Mode.REPLAY))


def _wanted() -> Iterator[Policy]:
    keeps = holds_replays()
    days = {} if keeps else settings.ARB.series.retention_days
    aggregates = _column(_AGGREGATES)
    for view, (behind, every) in _REFRESHED.items():
        if view in aggregates:
            yield Policy("refresh", view, _reach(view, days), behind, every)
    for table in () if keeps else _column(_SERIES):
        compressed, kept = _COMPRESSED_AFTER.get(table, _USUALLY_COMPRESSED_AFTER), days.get(table)
        if kept is None or compressed.days < kept:
            yield Policy("columnstore", table, compressed)
        if kept is not None and table != AGGREGATED:  # its hours are brought up to date first: see retention
            yield Policy("retention", table, timedelta(days=kept))


def _reach(view: str, days: Mapping[str, int]) -> timedelta | None:
    """Return how far back ``view`` may be computed anew: what it shows of rows that are gone must stay."""
    if view != HOURLY:
        return None  # its source keeps its history
    limits = [timedelta(days=days[AGGREGATED])] if AGGREGATED in days else []
    limits += _since_dropped()
    return max(_DAY, timedelta(days=min(limits).days) - _DAY) if limits else None


def _since_dropped() -> list[timedelta]:
    """Return the age of the oldest rows where the aggregate shows older ones, dropped under an earlier setting."""
    (materialized,) = _column(_MATERIALIZED, [HOURLY])
    (oldest,) = _column(_OLDEST_ROWS, [AGGREGATED])
    is_older = f"SELECT EXISTS (SELECT FROM {materialized} WHERE hour < now() - %s)"  # noqa: S608  a catalog's name
    (has_dropped,) = _column(is_older, [oldest or timedelta(0)])
    return [oldest or timedelta(0)] if has_dropped else []


def _present() -> dict[tuple[str, str], _Job]:
    found = {}
    for procedure, relation, number, every, after, until in rows_of(_JOBS):
        kind = _KINDS[procedure]
        policy = Policy(kind, relation, after, until, every if kind == "refresh" else None)
        found[kind, relation] = _Job(number, policy)
    return found


def _removals(jobs: list[_Job]) -> Iterator[_Change]:
    for job in jobs:
        about = f"no {job.policy.kind} of {job.policy.relation} any more"
        yield _Change("SELECT delete_job(%s)", [job.number], about)


def _additions(policies: list[Policy]) -> Iterator[_Change]:
    for policy in policies:
        if policy.kind == "columnstore" and not _column(_IS_COMPRESSED, [policy.relation])[0]:
            yield _Change(_columnstore(policy.relation), None)
        values = {name: getattr(policy, name) for name in ("relation", "after", "until", "every")}
        yield _Change(_ADD[policy.kind], values, str(policy))


def _alterations(pairs: list[tuple[_Job, Policy]]) -> Iterator[_Change]:
    for job, policy in pairs:
        if job.policy != policy:
            config = {_REACH_KEYS[policy.kind]: _text(policy.after)}
            config |= {"end_offset": _text(policy.until)} if policy.until else {}
            values = {"job": job.number, "every": policy.every, "config": json.dumps(config)}
            yield _Change(_ALTER, values, str(policy))


def _columnstore(table: str) -> str:
    with connection.cursor() as cursor:
        columns = {column.name for column in connection.introspection.get_table_description(cursor, table)}
    segments = ", ".join(name for name in _SEGMENTS if name in columns)
    options = f"timescaledb.segmentby = '{segments}', timescaledb.orderby = '\"timestamp\" DESC, id DESC'"
    return f"ALTER TABLE {connection.ops.quote_name(table)} SET (timescaledb.enable_columnstore, {options})"


def _text(span: timedelta | None) -> str | None:
    return None if span is None else f"{span.days} days {span.seconds} seconds"


def _column(sql: str, params: list[Any] | None = None) -> list[Any]:
    return [row[0] for row in rows_of(sql, params)]


def _run(change: _Change) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change.statement, change.params)
