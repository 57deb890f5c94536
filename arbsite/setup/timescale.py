"""``ARB_TIMESCALE=required``: a database without TimescaleDB is refused before anything is written."""

from typing import Any

from django.conf import settings
from django.db import connections

from domain.errors import Refused
from ops.series import is_hypertable, is_preloaded, timescale_enabled

_MAY_ENABLE = """
SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR (SELECT bool_or(trusted) FROM pg_available_extension_versions WHERE name = 'timescaledb')
"""
_IS_COMMUNITY = "SELECT coalesce(current_setting('timescaledb.license', true), 'timescale') = 'timescale'"
_A_SERIES = "arbitrage_opportunities"
_HAS_TABLES = f"SELECT to_regclass('{_A_SERIES}') IS NOT NULL"
_OR = "or leave ARB_TIMESCALE out"


def require(session: Any, name: str, *, is_new: bool = False) -> None:
    """Raise Refused where TimescaleDB is required and the database ``name`` has none, and cannot get it.

    ``session`` is on that database; for one that ``is_new`` it may be on any other of the same server.
    """
    if not settings.ARB.series.requires_timescale:
        return
    has_tables = not is_new and _yes(session, _HAS_TABLES)
    if is_new or not timescale_enabled(session):
        _require_that_it_can_be_enabled(session, name)
        is_series = False
    else:
        is_series = has_tables and is_hypertable(session, _A_SERIES)
    if not _yes(session, _IS_COMMUNITY):
        raise Refused(
            f"ARB_TIMESCALE is required, but the server of {name} has TimescaleDB's Apache edition, which keeps no "
            f"aggregates: set timescaledb.license = 'timescale' and restart it, {_OR}"
        )
    if has_tables and not is_series:
        raise Refused(
            f"ARB_TIMESCALE is required, but the tables of {name} were made without TimescaleDB: set up a new "
            f"database with manage.py setup, {_OR}"
        )


def require_before_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    """Refuse a migrate of a database that lacks what is required."""
    connection = connections[using]
    if "plan" in kwargs:  # the flush that ends a test has none
        require(connection, str(connection.settings_dict["NAME"]))


def _require_that_it_can_be_enabled(session: Any, name: str) -> None:
    if not is_preloaded(session):
        raise Refused(
            f"ARB_TIMESCALE is required, but the server of {name} has no TimescaleDB: install it, put timescaledb into "
            f"shared_preload_libraries and restart it, {_OR}"
        )
    if not _yes(session, _MAY_ENABLE):
        raise Refused(
            f"ARB_TIMESCALE is required, but our role may not enable it in {name}: let a superuser run CREATE "
            f"EXTENSION timescaledb there, {_OR}"
        )


def _yes(session: Any, sql: str) -> bool:
    with session.cursor() as cursor:
        cursor.execute(sql)
        return bool(cursor.fetchone()[0])
