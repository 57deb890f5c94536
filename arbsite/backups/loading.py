"""Loading a dump into a new database: what is there in the end is what was dumped, or it is refused."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from arbsite.backups.contents import TIMESCALE, Contents, disagreements, read_contents
from arbsite.backups.manifest import Dumped
from arbsite.backups.programs import begin, find_program
from arbsite.config import Arb, Database, parse_database_url
from arbsite.setup.schema import connect_beside
from domain.errors import Refused
from domain.scope import Mode

_AVAILABLE = "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb' ORDER BY 1"
_PRELOADED = "SELECT current_setting('timescaledb.max_background_workers', true) IS NOT NULL"
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
# A refresh or a retention that ran at once would change what is about to be compared.
_STOP_JOBS = "UPDATE _timescaledb_config.bgw_job SET scheduled = false WHERE id >= 1000 AND scheduled RETURNING id"
_START_JOBS = """
SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs WHERE job_id = ANY (%s::integer[])
"""
_TOLD = 5


def admin_of(arb: Arb, dumped: Dumped) -> Database:
    """Return the server as the role that loads ``dumped``: TimescaleDB's catalog takes a superuser.

    Raises: Refused where the server has no TimescaleDB or another version of it, or we are no superuser there.
    """
    database = arb.database
    if TIMESCALE not in dumped.extensions:
        return database
    if arb.backups.restore_url is not None:
        database = parse_database_url("ARB_RESTORE_URL", arb.backups.restore_url.reveal(), Mode.DRY_RUN)
    with connect_beside(database) as server:
        _check_timescale(server, dumped.extensions[TIMESCALE])
        (is_superuser,) = server.execute(_IS_SUPERUSER).fetchone() or (False,)
        if not is_superuser:
            raise Refused(
                f"a dump of TimescaleDB is loaded by a superuser, which {database.user} is not: "
                "name one in ARB_RESTORE_URL"
            )
    return database


def check_server(database: Database, dumped: Dumped) -> None:
    """Raise Refused if the server is older than the one that was dumped."""
    with connect_beside(database) as server:
        major = server.info.server_version // 10_000
    if major < dumped.major:
        raise Refused(f"the dump comes from PostgreSQL {dumped.major}, and this server is PostgreSQL {major}")


def load(
    arb: Arb, dumped: Dumped, file: Path, *, into: str, admin: Database, owner: str | None = None
) -> tuple[int, ...]:
    """Create the database ``into``, load ``file`` into it, and return its jobs, which stand still until ``start_jobs``.

    Raises: Refused where the dump does not fit; Unreachable.
    """
    version = dumped.extensions.get(TIMESCALE)
    _create(admin, into, owner=owner)
    if version:
        with connect_beside(admin, name=into) as session:
            session.execute(sql.SQL("CREATE EXTENSION timescaledb VERSION {}").format(sql.Literal(version)))
        with connect_beside(admin, name=into) as session:
            session.execute("SELECT timescaledb_pre_restore()")
    _restore(arb, file, into=into, admin=admin, keeps_owners=bool(version and owner))
    if not version:
        return ()
    with connect_beside(admin, name=into) as session:
        jobs = session.execute(_STOP_JOBS).fetchall()
        session.execute("SELECT timescaledb_post_restore()")
    return tuple(job for (job,) in jobs)


def start_jobs(admin: Database, name: str, jobs: Sequence[int]) -> None:
    """Let ``jobs`` of TimescaleDB's run again in the database called ``name``."""
    with connect_beside(admin, name=name) as session:
        session.execute(_START_JOBS, [list(jobs)])


def check_equal(dumped: Dumped, admin: Database, name: str) -> Contents:
    """Return what the database called ``name`` holds. Raises: Refused where that is not what was dumped."""
    with connect_beside(admin, name=name) as session, session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = read_contents(session)
    wrong = disagreements(dumped.tables, found.tables)
    if wrong:
        more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise Refused(f"what was restored differs from what was dumped: {'; '.join(wrong[:_TOLD])}{more}")
    return found


def drop(database: Database, name: str) -> None:
    """Drop the database called ``name`` if it is there, whoever is connected."""
    with connect_beside(database, name="postgres") as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _check_timescale(server: psycopg.Connection, wanted: str) -> None:
    available = [version for (version,) in server.execute(_AVAILABLE).fetchall()]
    (is_preloaded,) = server.execute(_PRELOADED).fetchone() or (False,)
    if not (available and is_preloaded):
        raise Refused(f"the dump needs TimescaleDB {wanted}, and this server has none")
    if wanted not in available:
        raise Refused(f"the dump needs TimescaleDB {wanted}, and this server has {', '.join(available)}")


def _create(admin: Database, name: str, *, owner: str | None) -> None:
    owned = sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
    statement = sql.SQL("CREATE DATABASE {}{} TEMPLATE template0 ENCODING 'UTF8'")
    with connect_beside(admin, name="postgres") as server:
        try:
            server.execute(statement.format(sql.Identifier(name), owned))
        except psycopg.errors.InsufficientPrivilege:
            raise Refused(f"the role {admin.user} may not create the database {name}: grant it CREATEDB") from None


def _restore(arb: Arb, file: Path, *, into: str, admin: Database, keeps_owners: bool) -> None:
    with connect_beside(admin, name=into) as session:
        major = session.info.server_version // 10_000
    program = find_program(
        "pg_restore", major=major, folder=arb.backups.programs if not _is_other(admin, arb) else None
    )
    options = ["--no-privileges", "--exit-on-error", *([] if keeps_owners else ["--no-owner"])]
    restore = begin(program, admin, into, *options, str(file))
    _, said = restore.communicate()
    if restore.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise Refused(f"{file.name} cannot be restored: {' '.join(lines[:3])}")


def _is_other(admin: Database, arb: Arb) -> bool:
    return (admin.host, admin.port) != (arb.database.host, arb.database.port)
