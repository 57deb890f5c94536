"""Restoring: into a new database beside the one in use, compared, migrated, held back, and only then swapped in.

Whatever fails or is killed before the swap leaves the database in use as it was. The swap is one transaction of
renames. What it replaces is kept under another name.
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import structlog
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from arbsite.backups import manifest, shelf
from arbsite.backups.loading import admin_of, check_equal, check_server, drop, load, start_jobs
from arbsite.backups.manifest import MODELS, Dumped, Manifest
from arbsite.config import DATABASE_SUFFIX, Arb, Database
from arbsite.dashboards.role import ensure_role
from arbsite.setup.schema import connect_beside, expected_migrations, is_there, using
from domain.errors import Refused
from domain.scope import Mode, Scope
from ops.reports import plural
from ops.services import operators
from risk.services import known_scopes, require_reconciliation

log = structlog.get_logger(__name__)

DRAFT = "_restoring"  # at the end of a database's name
# Client ids are made of execution ids: orders sent after the dump, which no row here knows of, must keep theirs.
UNUSED_IDS = 1_000_000
_LONGEST_NAME = 63
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for: which backup, under which base name, by whom and why."""

    backup: str
    base_name: str
    modes: tuple[Mode, ...]
    replaces: bool
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Swapped:
    """One database that was restored, and where the one it replaced is now; empty where there was none."""

    name: str
    rows: int
    kept_as: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back, and what it took."""

    manifest: Manifest
    databases: tuple[Swapped, ...]
    model_files: int
    seconds: float


def restore(arb: Arb, order: Order, *, now: datetime) -> Restored:
    """Bring a backup back. Nothing is sent from it, opening or closing, before it is reconciled.

    Raises: BadInput if there is no such backup; Refused where it does not fit or is not whole, or where a database in
    use would be replaced unasked; Unreachable.
    """
    began_s = time.monotonic()
    operators.require_reason(order.reason)
    with shelf.alone(arb.backups.directory):
        folder, told = checked(arb, order)
        with ExitStack() as on_failure:
            drafts = [_draft(arb, one, folder, order, on_failure, now=now) for one in _chosen(told, order)]
            copied = _bring_models(folder, told, arb.models.directory)
            swapped = _swap(arb.database, drafts, order, now=now)
            on_failure.pop_all()
    seconds = time.monotonic() - began_s
    log.info("backup_restored", backup=told.name, databases=[one.name for one in swapped], seconds=round(seconds, 1))
    return Restored(told, swapped, copied, seconds)


def checked(arb: Arb, order: Order) -> tuple[Path, Manifest]:
    """Return the backup that ``order`` names, once all that can be known before anything is written is in order.

    Raises: as ``restore`` does.
    """
    folder = shelf.find(arb.backups.directory, order.backup)
    told = manifest.read(folder)
    for one in _chosen(told, order):
        _check(arb, one, order)
    shelf.check_files(folder, told)
    return folder, told


def in_use(database: Database, name: str) -> bool:
    """Whether the database called ``name`` is there and has tables."""
    with connect_beside(database, name="postgres") as server:
        if not is_there(server, name):
            return False
    with connect_beside(database, name=name) as session:
        (tables,) = session.execute(_TABLES).fetchone() or (0,)
        return bool(tables)


def targets(told: Manifest, order: Order) -> list[str]:
    """Return the names of the databases that ``order`` restores."""
    return [order.base_name + one.suffix for one in _chosen(told, order)]


def _chosen(told: Manifest, order: Order) -> list[Dumped]:
    suffixes = {DATABASE_SUFFIX[mode] for mode in order.modes}
    chosen = [one for one in told.databases if one.suffix in suffixes]
    if not chosen:
        raise Refused(f"the backup {told.name} holds no database of {', '.join(order.modes)}")
    return chosen


def _check(arb: Arb, dumped: Dumped, order: Order) -> None:
    """Raise Refused for whatever can be known before anything is written."""
    name = order.base_name + dumped.suffix
    if len(name + DRAFT) > _LONGEST_NAME:
        raise Refused(f"{name} is too long a name for a database")
    newer = sorted(set(dumped.migrations) - expected_migrations() - _of_others(dumped))
    if newer:
        app, migration = newer[-1]
        raise Refused(
            f"the backup has a newer schema than this version knows, as {app} {migration}: restore it with the "
            "version that made it, whose commit its manifest names"
        )
    check_server(arb.database, dumped)
    admin_of(arb, dumped)
    _check_unused(arb.database, name)
    if in_use(arb.database, name) and not order.replaces:
        raise Refused(f"the database {name} is not empty: --replace keeps it under another name and takes its place")


def _of_others(dumped: Dumped) -> set[tuple[str, str]]:
    """Return migrations of apps that are not installed any more: they can do no harm."""
    known = {app for app, _ in expected_migrations()}
    return {(app, name) for app, name in dumped.migrations if app not in known}


def _check_unused(database: Database, name: str) -> None:
    with connect_beside(database, name="postgres") as server:
        (sessions,) = server.execute(_SESSIONS, [name]).fetchone() or (0,)
    if sessions:
        others = plural(sessions, "session")
        raise Refused(f"the database {name} is in use ({others}): stop the system and whoever else reads it first")


def _draft(
    arb: Arb, dumped: Dumped, folder: Path, order: Order, on_failure: ExitStack, *, now: datetime
) -> tuple[Dumped, str]:
    """Make the database that will be swapped in, and return it with the name it has until then."""
    name = order.base_name + dumped.suffix + DRAFT
    admin = admin_of(arb, dumped)
    drop(admin, name)  # what a killed restore left
    on_failure.callback(drop, admin, name)
    owner = arb.database.user if admin.user != arb.database.user else None
    jobs = load(arb, dumped, folder / dumped.file, into=name, admin=admin, owner=owner)
    check_equal(dumped, admin, name)
    with using(name):
        _make_ready(arb, dumped, order, now=now)
    if jobs:
        start_jobs(admin, name, jobs)
    return dumped, name


def _make_ready(arb: Arb, dumped: Dumped, order: Order, *, now: datetime) -> None:
    """Bring the schema up to this version, and let the database say that nothing may be sent from it yet."""
    call_command("migrate", verbosity=0, interactive=False)
    ensure_role(connection, user=arb.dashboards.user, password=arb.dashboards.password)
    why = f"restored from {order.backup}: {order.reason}"
    modes = [mode for mode, suffix in DATABASE_SUFFIX.items() if suffix == dumped.suffix]
    for scope in known_scopes([Scope(mode) for mode in modes]):
        require_reconciliation(scope, reason=why, actor=order.actor, now=now)
    for mode in modes:
        operators.record(order.actor, "restore_backup", order.reason, subject=order.backup, scope=Scope(mode))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(ids::regclass, nextval(ids::regclass) + %s) "
            "FROM pg_get_serial_sequence('trading_execution', 'id') AS ids",
            [UNUSED_IDS],
        )
        cursor.execute("ANALYZE")


def _bring_models(folder: Path, told: Manifest, models: Path) -> int:
    """Copy the model files that are not there, each whole or not at all; what is there is named by its content."""
    missing = [one for one in told.models if not (models / Path(one.path).relative_to(MODELS)).exists()]
    for one in missing:
        target = models / Path(one.path).relative_to(MODELS)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        try:
            shutil.copyfile(folder / one.path, draft)
            draft.rename(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    return len(missing)


def _swap(
    database: Database, drafts: Sequence[tuple[Dumped, str]], order: Order, *, now: datetime
) -> tuple[Swapped, ...]:
    """Give every draft its name, all of them in one transaction. Raises: Refused if somebody uses the old ones."""
    stamp = now.strftime("%Y%m%d_%H%M%S")
    swapped = [_plan(database, dumped, order, stamp=stamp) for dumped, _ in drafts]
    try:
        with connect_beside(database, name="postgres") as server, server.transaction():
            for (_, draft), one in zip(drafts, swapped, strict=True):
                if one.kept_as:
                    _rename(server, one.name, one.kept_as)
                _rename(server, draft, one.name)
    except psycopg.errors.ObjectInUse as error:
        raise Refused(
            f"somebody uses the database: stop the system first; nothing was changed ({str(error).splitlines()[0]})"
        ) from None
    return tuple(swapped)


def _plan(database: Database, dumped: Dumped, order: Order, *, stamp: str) -> Swapped:
    name = order.base_name + dumped.suffix
    with connect_beside(database, name="postgres") as server:
        kept_as = f"{name}_before_{stamp}"[:_LONGEST_NAME] if is_there(server, name) else ""
    return Swapped(name, dumped.rows, kept_as)


def _rename(server: psycopg.Connection, name: str, to: str) -> None:
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))
