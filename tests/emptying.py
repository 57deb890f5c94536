"""How the database is emptied after a test that commits: only what was written, and what migrate wrote is kept.

Django truncates every table, then writes content types, permissions and schedules anew: half a second a test.
"""

from typing import Any

from django.db import connection
from django.test import TransactionTestCase

_WRITTEN_BY_MIGRATE = (
    "auth_permission",
    "django_celery_beat_crontabschedule",
    "django_celery_beat_intervalschedule",
    "django_celery_beat_periodictask",
    "django_celery_beat_periodictasks",
    "django_content_type",
    "django_migrations",
)
_TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s)
"""
_flush_of_django = TransactionTestCase._fixture_teardown
_written_by_migrate = ""


def empty_what_was_written() -> None:
    """Let every later test that commits be followed by this, and take down how migrate left the tables it fills."""
    global _written_by_migrate
    TransactionTestCase._fixture_teardown = _empty
    _written_by_migrate = _digest()


def commit_without_waiting() -> None:
    """Let commits not wait for the disk in this database: no test outlives its server."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])} SET synchronous_commit = off"
        )
        cursor.execute("SET synchronous_commit = off")


def _empty(case: Any) -> None:
    global _written_by_migrate
    if _digest() != _written_by_migrate:
        _flush_of_django(case)
        _written_by_migrate = _digest()
        return
    written = _written_tables()
    if written:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(written)} CASCADE")  # of empty tables that point at these


def _written_tables() -> list[str]:
    tables = [row[0] for row in _rows(_TABLES, [list(_WRITTEN_BY_MIGRATE)])]
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)
    return [row[0] for row in _rows(" UNION ALL ".join(looks))]


def _digest() -> str:
    tables = (f"SELECT '{table}' || t::text AS line FROM {table} t" for table in _WRITTEN_BY_MIGRATE)
    ((digest,),) = _rows(f"SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM ({' UNION ALL '.join(tables)}) lines")
    return str(digest)


def _rows(sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
