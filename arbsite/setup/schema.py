"""The databases and their schema: created and migrated where that is ours to do, else said to be behind."""

import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import psycopg
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql
from psycopg.conninfo import make_conninfo

from arbsite.config import DATABASE_SUFFIX, Database
from arbsite.setup import timescale
from domain.errors import Refused, Unreachable

_LOCK = 0x61726273  # one migration at a time: "arbs"


def ensure_migrated(*, applies: bool) -> int:
    """Return how many migrations were missing, applied now where ``applies``.

    Raises: Unreachable if the database cannot be reached, or lacks migrations that are not ours to apply; Refused
    if TimescaleDB is required and missing.
    """
    if applies:
        ensure_database(settings.ARB.database)
    missing = _missing_migrations()
    timescale.require(connection, str(connection.settings_dict["NAME"]))
    if missing and not applies:
        raise Unreachable(f"the database lacks {len(missing)} migrations: run manage.py migrate, or manage.py setup")
    if missing:
        call_command("migrate", verbosity=0, interactive=False)
    return len(missing)


def database_names(database: Database) -> tuple[str, ...]:
    """Return the names of the databases of every mode, the base one first."""
    return tuple(sorted({database.base_name + suffix for suffix in DATABASE_SUFFIX.values()}))


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let Django use the database called ``name`` on the same server."""
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


@contextmanager
def one_migration_at_a_time(session: BaseDatabaseWrapper) -> Iterator[None]:
    """Wait until nobody else migrates the database of ``session``, and keep others waiting until the block ends."""
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            if session.is_usable():  # a broken one has let the lock go already
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def expected_migrations() -> set[tuple[str, str]]:
    """Return the migrations that this code has, by app and name."""
    return {(app.label, name) for app in apps.get_app_configs() for name in _migrations_of(app)}


def ensure_database(database: Database) -> bool:
    """Create the database of this mode where it is absent, and return whether it was.

    Raises: Unreachable if the server cannot be reached, Refused if the role may not create databases, or if
    TimescaleDB is required there and missing.
    """
    with connect_beside(database) as server:
        if is_there(server, database.name):
            return False
        timescale.require(server, database.name, is_new=True)
        try:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database.name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # another command was first, the latter: while we were at it
        except psycopg.errors.ObjectInUse as error:
            raise Unreachable(f"the database {database.name} cannot be created now, run this again: {error}") from None
        except psycopg.errors.InsufficientPrivilege:
            raise Refused(
                f"the role {database.user} may not create the database {database.name}: create it, or grant CREATEDB"
            ) from None
        return True


def is_there(server: psycopg.Connection, name: str) -> bool:
    """Whether the server of this session has a database called ``name``."""
    return server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def connect_beside(database: Database, *, name: str = "") -> psycopg.Connection:
    """Return a connection to ``name``, else to the base database or the server's own. Raises: Unreachable."""
    failure = ""
    for candidate in (name,) if name else (database.base_name, "postgres"):
        try:
            conninfo = make_conninfo(**database.parameters_of(candidate), password=database.password.reveal())
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            failure = failure or str(error).splitlines()[0]
    raise Unreachable(f"the database server at {database.host}:{database.port} cannot be used: {failure}")


def _missing_migrations() -> set[tuple[str, str]]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        raise Unreachable(f"the database {connection.settings_dict['NAME']} cannot be used: {reason}") from error
    return expected_migrations() - applied


def _migrations_of(app: AppConfig) -> list[str]:
    """Return the names of an app's migrations, by their files: importing them all takes ten times as long."""
    try:
        package = import_module(f"{app.name}.migrations")
    except ModuleNotFoundError:
        return []
    return [module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] not in "_~"]
