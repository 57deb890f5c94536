"""How long rows of series are kept, where the server does not see to it by itself; no aggregate loses its history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from ops.locks import advisory
from ops.series import has_community_edition, is_continuous, is_hypertable
from ops.services.policies import AGGREGATED, HOURLY, holds_replays

DELETED_BEFORE = "arbsite.deleted_before"  # the append-only triggers let go of older rows of series
BATCH_ROWS = 5_000
MOST_BATCHES = 20  # of one table at a time: the rest follows with the next call

_LOCK = "retention"
_OLDEST = """
SELECT min(range_start) FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = %s
"""
_REFRESH = "CALL refresh_continuous_aggregate(%s, %s, %s)"
_DROP = "SELECT count(*) FROM drop_chunks(%s, older_than => %s)"
_KEPT_COLUMNS = """
    hour, mode, run_id, symbol, opportunities, executed, profitable,
    edge_bps_sum, gross_edge_bps_sum, notional_usd, profit_quote, profit_usd
"""
# The view shows an hour from its rows or from here, never from both: the newest hour kept is where one ends.
_KEEP = f"""
INSERT INTO hourly_performance_kept (first_id, {_KEPT_COLUMNS})
SELECT id, {_KEPT_COLUMNS} FROM hourly_performance
WHERE hour >= (SELECT coalesce(max(hour) + interval '1 hour', '-infinity') FROM hourly_performance_kept) AND hour < %s
"""  # noqa: S608  columns of ours
_KEPT_UNTIL = "SELECT max(hour) + interval '1 hour' FROM hourly_performance_kept"
_DELETE = """
WITH old AS (SELECT id, "timestamp" FROM {table} WHERE "timestamp" < %s LIMIT %s)
DELETE FROM {table} USING old WHERE {table}.id = old.id AND {table}."timestamp" = old."timestamp"
"""


@dataclass(slots=True)
class Pruned:
    """What one call did."""

    kept_hours: int = 0
    dropped_chunks: int = 0
    deleted_rows: dict[str, int] = field(default_factory=dict)


def prune(*, now: datetime) -> Pruned:
    """Delete what the settings no longer keep and return what went; what one call leaves, the next one takes.

    An opportunity's hour is put aside first, or brought up to date where the aggregate is continuous. Nothing goes
    from a database of replays. Two calls at a time: the second does nothing.
    """
    done = Pruned()
    if holds_replays():
        return done
    with advisory(_LOCK) as is_ours:
        for table, days in _due(settings.ARB.series.retention_days) if is_ours else ():
            before = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
            _prune(table, before, done)
    return done


def _due(days: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the tables that no policy of the server prunes, and for how many days they are kept."""
    has_policies = has_community_edition(connection)
    return [
        (table, kept)
        for table, kept in days.items()
        if table == AGGREGATED or not (has_policies and is_hypertable(connection, table))
    ]


def _prune(table: str, before: datetime, done: Pruned) -> None:
    if table == AGGREGATED and is_continuous(connection, HOURLY):
        done.dropped_chunks += _refresh_and_drop(table, before)
        return
    until: datetime | None = before
    if table == AGGREGATED:
        done.kept_hours, until = _keep_hours(before)
    if until and (deleted := _delete(table, until)):
        done.deleted_rows[table] = deleted


def _refresh_and_drop(table: str, before: datetime) -> int:
    """Drop whole chunks, and return how many; the aggregate is computed no further back than there are rows."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [table])
        oldest = cursor.fetchone()[0]
        if oldest is None or oldest >= before:
            return 0
        cursor.execute(_REFRESH, [HOURLY, oldest, before])
        cursor.execute(_DROP, [table, before])
        return int(cursor.fetchone()[0])


def _keep_hours(before: datetime) -> tuple[int, datetime | None]:
    """Put aside the hours before ``before``; return how many, and until when every hour is put aside, None at first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_KEEP, [before])
        kept = cursor.rowcount
        cursor.execute(_KEPT_UNTIL)
        return kept, cursor.fetchone()[0]


def _delete(table: str, before: datetime) -> int:
    statement = sql.SQL(_DELETE).format(table=sql.Identifier(table))
    deleted = 0
    for _ in range(MOST_BATCHES):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [DELETED_BEFORE, before.isoformat()])
            cursor.execute(statement, [before, BATCH_ROWS])
            deleted += cursor.rowcount
            if cursor.rowcount < BATCH_ROWS:
                break
    return deleted
