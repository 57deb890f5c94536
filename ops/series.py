"""The migration operation that makes a table a series: a hypertable on TimescaleDB, a BRIN index elsewhere."""

from typing import Any

from django.db.migrations.operations.base import Operation

# Creating the extension on a server that has its files but did not preload it kills the connection: ask for both.
_IS_PRELOADED = """
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL
"""
_IS_ENABLED = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
_HAS_COMMUNITY_EDITION = "SELECT current_setting('timescaledb.license', true) = 'timescale'"
_MAY_CREATE = """
SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR (has_database_privilege(current_database(), 'CREATE')
        AND (SELECT bool_or(trusted) FROM pg_available_extension_versions WHERE name = 'timescaledb'))
"""
_PRIMARY_KEY = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'"
_IS_HYPERTABLE = """
SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
               WHERE to_regclass(format('%%I.%%I', hypertable_schema, hypertable_name)) = to_regclass(%s))
"""
_IS_CONTINUOUS = """
SELECT EXISTS (SELECT FROM timescaledb_information.continuous_aggregates
               WHERE to_regclass(format('%%I.%%I', view_schema, view_name)) = to_regclass(%s))
"""
# What LIKE leaves out, or copies under another name than the one that later migrations know.
_CONSTRAINTS = """
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u', 'f')
"""
_INDEXES = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass(%s)
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
"""
_TRIGGERS = """
SELECT pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal AND tgname <> 'ts_insert_blocker'
"""


class Series(Operation):
    """Swap a model's database key to (id, time) and partition it by time where TimescaleDB is enabled.

    Django keeps ``id`` as the model's key, so the admin works; every unique constraint of the model must hold the
    time column, and no database-level foreign key may point at it (``db_constraint=False``, the time beside it).
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model: str, time_column: str = "timestamp", chunk_days: int = 7) -> None:
        self.model = model
        self.time_column = time_column
        self.chunk_days = chunk_days

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models' state alone: only the database knows of the second key column."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Make the table a series."""
        table = self._table(app_label, to_state)
        self._swap_key(schema_editor, table, columns=("id", self.time_column))
        quote = schema_editor.quote_name
        if _enable_timescale(schema_editor):
            schema_editor.execute(
                "SELECT create_hypertable(%s::regclass, %s::name, chunk_time_interval => %s::interval, "
                "create_default_indexes => FALSE, migrate_data => TRUE)",
                [quote(table), self.time_column, f"{self.chunk_days} days"],
            )
        else:
            schema_editor.execute(
                f"CREATE INDEX {quote(self._brin(table))} ON {quote(table)} USING brin ({quote(self.time_column)})"
            )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Make the table an ordinary one again, rows kept."""
        table = self._table(app_label, from_state)
        if is_hypertable(schema_editor.connection, schema_editor.quote_name(table)):
            _copy_to_plain(schema_editor, table)
        schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(self._brin(table))}")
        self._swap_key(schema_editor, table, columns=("id",))

    def describe(self) -> str:
        """Return what migrate prints."""
        return f"Make {self.model} a series over {self.time_column}"

    def _table(self, app_label: str, state: Any) -> str:
        return str(state.apps.get_model(app_label, self.model)._meta.db_table)

    def _brin(self, table: str) -> str:
        return f"{table}_{self.time_column}_brin"

    def _swap_key(self, schema_editor: Any, table: str, *, columns: tuple[str, ...]) -> None:
        quote = schema_editor.quote_name
        not_there_yet = [(f"{table}_pkey",)]  # sqlmigrate only prints: say what PostgreSQL will have called it
        for (old,) in _rows(schema_editor.connection, _PRIMARY_KEY, [quote(table)]) or not_there_yet:
            schema_editor.execute(f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(old)}")
        key = ", ".join(quote(column) for column in columns)
        schema_editor.execute(f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(f'{table}_pkey')} PRIMARY KEY ({key})")


def timescale_enabled(connection: Any) -> bool:
    """Return whether this database has TimescaleDB."""
    return _yes(connection, _IS_ENABLED)


def is_preloaded(connection: Any) -> bool:
    """Return whether the server has TimescaleDB's files and loaded them at its start."""
    return _yes(connection, _IS_PRELOADED)


def has_community_edition(connection: Any) -> bool:
    """Return whether this database has what TimescaleDB's Apache edition lacks: continuous aggregates and policies."""
    return timescale_enabled(connection) and _yes(connection, _HAS_COMMUNITY_EDITION)


def is_hypertable(connection: Any, table: str) -> bool:
    """Return whether ``table`` is partitioned by TimescaleDB."""
    return timescale_enabled(connection) and _yes(connection, _IS_HYPERTABLE, [table])


def is_continuous(connection: Any, view: str) -> bool:
    """Return whether ``view`` is an aggregate that TimescaleDB keeps up to date."""
    return timescale_enabled(connection) and _yes(connection, _IS_CONTINUOUS, [view])


def _enable_timescale(schema_editor: Any) -> bool:
    """Return whether this database has TimescaleDB, enabling it where the server and our role allow that."""
    connection = schema_editor.connection
    if timescale_enabled(connection):
        return True
    if not (is_preloaded(connection) and _yes(connection, _MAY_CREATE)):
        return False
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb", params=None)
    return True


def _copy_to_plain(schema_editor: Any, table: str) -> None:
    quote, connection = schema_editor.quote_name, schema_editor.connection
    name, copy = quote(table), quote(f"{table}_plain")
    kept = [row[0] for sql in (_CONSTRAINTS, _INDEXES, _TRIGGERS) for row in _rows(connection, sql, [name])]
    schema_editor.execute(f"CREATE TABLE {copy} (LIKE {name} INCLUDING ALL EXCLUDING INDEXES)", params=None)
    schema_editor.execute(f"INSERT INTO {copy} OVERRIDING SYSTEM VALUE TABLE {name}", params=None)
    schema_editor.execute(f"DROP TABLE {name}", params=None)
    schema_editor.execute(f"ALTER TABLE {copy} RENAME TO {name}", params=None)
    schema_editor.execute(
        f"SELECT setval(pg_get_serial_sequence(%s, 'id'), coalesce(max(id), 0) + 1, false) FROM {name}",  # noqa: S608
        [name],
    )
    for definition in kept:
        schema_editor.execute(definition, params=None)


def _yes(connection: Any, sql: str, params: list[Any] | None = None) -> bool:
    return bool(_rows(connection, sql, params)[0][0])


def _rows(connection: Any, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
