"""The database's own upkeep: what its tables and policies are like, vacuum and reindex."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import OperationalError, connection
from psycopg import errors, sql

from domain.errors import BadInput, Refused, Unreachable
from ops.locks import advisory
from ops.series import has_community_edition, is_hypertable, timescale_enabled
from ops.sql import rows_of

_TABLES = """
SELECT c.relname, coalesce(h.num_chunks, 0), coalesce(sizes.rows, 0), coalesce(sizes.dead, 0), sizes.bytes,
       sizes.index_bytes, sizes.vacuumed_at, sizes.analyzed_at
FROM pg_class c
{chunks}
CROSS JOIN LATERAL (
    SELECT sum(greatest(p.reltuples, 0))::bigint AS rows, sum(s.n_dead_tup)::bigint AS dead,
           sum(pg_total_relation_size(p.oid))::bigint AS bytes, sum(pg_indexes_size(p.oid))::bigint AS index_bytes,
           max(greatest(s.last_vacuum, s.last_autovacuum)) AS vacuumed_at,
           max(greatest(s.last_analyze, s.last_autoanalyze)) AS analyzed_at
    FROM pg_class p LEFT JOIN pg_stat_all_tables s ON s.relid = p.oid
    WHERE p.oid = c.oid OR p.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid)
) AS sizes
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
ORDER BY sizes.bytes DESC, c.relname
"""
_NO_CHUNKS = "CROSS JOIN (SELECT 0 AS num_chunks) AS h"
_CHUNKS = """
LEFT JOIN timescaledb_information.hypertables h
    ON h.hypertable_schema = current_schema() AND h.hypertable_name = c.relname
"""
_INDEXES = """
SELECT relname, indexrelname, pg_relation_size(indexrelid), idx_scan, indisvalid
FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)
WHERE schemaname = current_schema() ORDER BY 3 DESC, 2
"""
_JOBS = """
SELECT j.job_id, j.proc_name, j.hypertable_name, j.schedule_interval::text, j.scheduled, s.last_run_status,
       s.last_run_started_at, s.next_start, coalesce(s.total_failures, 0),
       (SELECT e.err_message FROM timescaledb_information.job_errors e
        WHERE e.job_id = j.job_id ORDER BY e.start_time DESC LIMIT 1)
FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s USING (job_id)
WHERE j.hypertable_schema = current_schema() ORDER BY j.hypertable_name, j.proc_name
"""
_NAMES = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
ORDER BY relname
"""
# What a reindex that was cut off leaves: a new index that is not whole, or the old one that was replaced.
_LEFT_OVER = """
SELECT c.relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE indrelid = to_regclass(%s) AND NOT indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' ORDER BY c.relname
"""
_LOCK = "maintenance"

_SMALL_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """How one table is: rows are the planner's guess where it is large, else counted."""

    name: str
    chunks: int
    rows: int
    dead_rows: int
    size_bytes: int
    index_bytes: int
    vacuumed_at: datetime | None
    analyzed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Index:
    """How one index is; one that is not valid was left behind by a reindex that failed."""

    table: str
    name: str
    size_bytes: int
    scans: int
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One policy of TimescaleDB and how it last went."""

    number: int
    procedure: str
    relation: str
    every: str
    is_scheduled: bool
    last_status: str | None
    last_run_at: datetime | None
    next_run_at: datetime | None
    failures: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """How the database is."""

    database: str
    size_bytes: int
    timescaledb: str | None
    tables: tuple[Table, ...]
    indexes: tuple[Index, ...]
    jobs: tuple[Job, ...]


def status() -> Status:
    """Return how the database's tables, indexes and policies are."""
    chunks = _CHUNKS if timescale_enabled(connection) else _NO_CHUNKS
    ((name, size_bytes, version),) = rows_of(
        "SELECT current_database(), pg_database_size(current_database()), "
        "(SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
    )
    return Status(
        database=name,
        size_bytes=size_bytes,
        timescaledb=version,
        tables=tuple(_counted(Table(*row)) for row in rows_of(_TABLES.format(chunks=chunks))),
        indexes=tuple(Index(*row) for row in rows_of(_INDEXES)),
        jobs=tuple(Job(*row) for row in rows_of(_JOBS)) if has_community_edition(connection) else (),
    )


def _counted(table: Table) -> Table:
    """Return ``table`` with its rows counted where that is quick: the planner knows nothing of one that is new."""
    if table.rows and table.size_bytes > _SMALL_BYTES:
        return table
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.name)))
        return replace(table, rows=cursor.fetchone()[0])


def vacuum(table: str | None, *, is_trial: bool) -> list[str]:
    """Vacuum and analyze ``table``, or every one; return the statements.

    Raises: BadInput for no table of ours; Refused while another is at it; Unreachable where it gave way to others.
    """
    return _carry_out("VACUUM (ANALYZE) {table}", table, is_trial=is_trial)


def reindex(table: str | None, *, is_trial: bool) -> list[str]:
    """Build the indexes of ``table``, or of every one, anew while it is read and written; return the statements.

    What one that was cut off left is dropped first. Raises: as ``vacuum`` does.
    """
    return _carry_out("REINDEX TABLE {way}{table}", table, is_trial=is_trial)


def _carry_out(statement: str, table: str | None, *, is_trial: bool) -> list[str]:
    if is_trial:
        return [one.as_string() for one in _statements(statement, table)]
    with advisory(_LOCK) as is_ours:
        if not is_ours:  # two that build one table's indexes anew wait for each other
            raise Refused("another vacuum or reindex of this database is under way: wait for its end")
        return [_carried_out(one) for one in _statements(statement, table)]


def _carried_out(statement: sql.Composed) -> str:
    said = statement.as_string()
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.DeadlockDetected | errors.LockNotAvailable):
            raise
        reason = str(error).splitlines()[0]
        raise Unreachable(f"{said} gave way to another session ({reason}): run it again") from error
    return said


def _statements(statement: str, table: str | None) -> Iterator[sql.Composed]:
    names = [row[0] for row in rows_of(_NAMES)]
    if table is not None and table not in names:
        raise BadInput(f"{table!r} is no table of {connection.settings_dict['NAME']}: maintenance status lists them")
    for name in names if table is None else [table]:
        if "REINDEX" in statement:  # which leaves out what is not valid
            for (left,) in rows_of(_LEFT_OVER, [connection.ops.quote_name(name)]):
                yield sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(left))
        # TimescaleDB refuses CONCURRENTLY on a hypertable; it locks one chunk after the other instead
        way = sql.SQL("" if is_hypertable(connection, name) else "CONCURRENTLY ")
        yield sql.SQL(statement).format(way=way, table=sql.Identifier(name))
