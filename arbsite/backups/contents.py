"""What a database holds: rows, sums and checksums of every table, in the snapshot of the session that asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from arbsite.backups.manifest import Table

# How values read as text must not depend on whose session, or whose server, it is.
_READ_ALIKE = """
SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO, YMD'; SET IntervalStyle TO 'iso_8601'; SET bytea_output TO 'hex';
SET extra_float_digits TO 1; SET statement_timeout TO 0; SET search_path TO pg_catalog
"""
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^(pg_|_?timescaledb_)' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1, 2
"""
_MATERIALIZED = """
SELECT materialization_hypertable_schema, materialization_hypertable_name
FROM timescaledb_information.continuous_aggregates ORDER BY 1, 2
"""
_NUMBERS = """
SELECT attname FROM pg_attribute
WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass AND attnum > 0 AND NOT attisdropped
  AND atttypid = 'numeric'::regtype ORDER BY attnum
"""
_EXTENSIONS = "SELECT extname, extversion FROM pg_extension ORDER BY 1"
TIMESCALE = "timescaledb"


@dataclass(frozen=True, slots=True)
class Contents:
    """A database's extensions, migrations and tables, and the version of its server."""

    server: str
    major: int
    extensions: Mapping[str, str]
    migrations: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]


def read_contents(connection: psycopg.Connection) -> Contents:
    """Return what this session's snapshot of its database holds."""
    connection.execute(_READ_ALIKE)
    extensions: dict[str, str] = dict(connection.execute(_EXTENSIONS).fetchall())
    names = connection.execute(_TABLES).fetchall()
    if TIMESCALE in extensions:
        names += connection.execute(_MATERIALIZED).fetchall()
    return Contents(
        server=connection.info.parameter_status("server_version") or "",
        major=connection.info.server_version // 10_000,
        extensions=extensions,
        migrations=_migrations(connection, names),
        tables=tuple(_table(connection, schema, name) for schema, name in names),
    )


def disagreements(expected: Iterable[Table], found: Iterable[Table]) -> list[str]:
    """Return, table by table, what the second says otherwise than the first."""
    one, other = ({table.name: table for table in tables} for tables in (expected, found))
    missing = [f"{name} is {'missing' if name in one else 'too much'}" for name in sorted(one.keys() ^ other.keys())]
    return missing + [said for name in sorted(one.keys() & other.keys()) for said in _between(one[name], other[name])]


def _between(expected: Table, found: Table) -> Sequence[str]:
    if expected.rows != found.rows:
        return [f"{expected.name} has {found.rows} rows instead of {expected.rows}"]
    sums = [
        f"{expected.name}.{column} adds up to {found.sums.get(column)} instead of {total}"
        for column, total in expected.sums.items()
        if found.sums.get(column) != total
    ]
    if not sums and expected.checksum != found.checksum:
        return [f"{expected.name} has rows of other content"]
    return sums


def _migrations(connection: psycopg.Connection, names: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if ("public", "django_migrations") not in names:
        return ()
    return tuple(connection.execute("SELECT app, name FROM public.django_migrations ORDER BY 1, 2").fetchall())


def _table(connection: psycopg.Connection, schema: str, name: str) -> Table:
    numbers = [column for (column,) in connection.execute(_NUMBERS, [schema, name]).fetchall()]
    # Hashes are added up, so that the order of the rows, which no dump keeps, is of no account.
    hashed = sql.SQL("coalesce(sum(('x' || left(md5(whole_row_::text), 16))::bit(64)::bigint), 0)::text")
    sums = [sql.SQL("sum({})::text").format(sql.Identifier(column)) for column in numbers]
    query = sql.SQL("SELECT count(*), {} FROM {} AS whole_row_").format(
        sql.SQL(", ").join([hashed, *sums]), sql.Identifier(schema, name)
    )
    rows, checksum, *totals = connection.execute(query).fetchone() or ()
    shown = name if schema == "public" else f"{schema}.{name}"
    return Table(shown, rows, checksum, dict(zip(numbers, totals, strict=True)))
