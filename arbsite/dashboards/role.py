"""The role that dashboards read with: the views of the schema ``dashboards``, for ten seconds a query, nothing else."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import DatabaseError, transaction
from psycopg import errors, sql

from domain.errors import Refused, Unreachable
from domain.secret import Secret

SCHEMA = "dashboards"
SETTINGS: Mapping[str, str] = {  # the role may change them for a session of its own: no right hangs on them alone
    "default_transaction_read_only": "on",
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
SESSIONS = 10
_ATTEMPTS = 20

_MORE_THAN_READING = """
SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls OR r.rolname = current_user
    OR EXISTS (SELECT FROM pg_auth_members AS m WHERE m.member = r.oid)
    OR EXISTS (
        SELECT FROM pg_shdepend AS d WHERE d.refobjid = r.oid AND d.deptype = 'o'
            AND d.classid <> 'pg_default_acl'::regclass) -- what it wished for objects that it may not make
FROM pg_roles AS r WHERE r.rolname = %s
"""
# Functions that every role may call, and that leave something behind or hold something up.
_LEAVES_TRACES = """
SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE has_function_privilege(%s, p.oid, 'EXECUTE') AND (
    n.nspname = 'pg_catalog' AND (
        p.proname ~ '^(lo_|pg_advisory_|pg_try_advisory_)'
        OR p.proname IN ('loread', 'lowrite', 'pg_notify', 'pg_logical_emit_message'))
    OR p.proname IN ('add_job', 'alter_job', 'delete_job', 'run_job')
        AND n.oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb'))
"""
_WHO_WORKS_HERE = """
SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> %s
    AND has_table_privilege(rolname, to_regclass('public.ops_outbox'), 'INSERT')
"""
_SCHEMAS_TO_WRITE_IN = """
SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'CREATE') AND nspname !~ '^pg_'
"""
_SCHEMAS_OF_TIME_BUCKET = """
SELECT DISTINCT n.nspname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname = 'time_bucket' AND n.nspname !~ '^(pg_|_|timescaledb_)'
"""


def ensure_role(connection: Any, *, user: str, password: Secret | None) -> tuple[str, ...]:
    """Let ``user`` read this database's dashboards and nothing else; return what could not be had, in sentences.

    Safe to run again, and for two at once. Without a password a new role may not log in, and an old one stays as it is.
    Raises: Refused if it is not there and we may not create it, or if a role of that name may do more than read.
    """
    _agreed(connection, lambda cursor: _ensure_there(cursor, user))
    login = _login(connection, user, password) if password else None
    notes = _agreed(connection, lambda cursor: _set_login(cursor, user, login))
    return (*notes, *_agreed(connection, lambda cursor: _ensure_rights(cursor, user)))


def become(cursor: Any, user: str) -> None:
    """Be ``user`` until the transaction ends, with its search path, its time zone and its patience.

    Writing is refused for want of rights; the transaction itself stays as it is.
    """
    path = search_path(cursor)
    _run(cursor, "SET LOCAL ROLE {}", user)
    cursor.execute(f"SET LOCAL search_path TO {path}")
    for name in ("statement_timeout", "timezone"):
        cursor.execute("SELECT set_config(%s, %s, true)", [name, SETTINGS[name]])


def search_path(cursor: Any) -> str:
    """Return where the role's queries look: the views, then wherever this server has ``time_bucket``."""
    return ", ".join([SCHEMA, *sorted(_all(cursor, _SCHEMAS_OF_TIME_BUCKET))])


def _agreed(connection: Any, deed: Callable[[Any], Any]) -> Any:
    """Return what ``deed`` does in a transaction, done again where another session changed the same role meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                return deed(cursor)
        except DatabaseError as error:
            if not _was_somebody_else(error):
                raise
            time.sleep(0.02 * attempt)
    raise Unreachable("others keep changing the role that dashboards read with: run this again")


def _was_somebody_else(error: DatabaseError) -> bool:
    if isinstance(error.__cause__, errors.UniqueViolation | errors.DuplicateObject):
        return True
    return "concurrently" in str(error)  # "tuple concurrently updated" has no code of its own


def _ensure_there(cursor: Any, user: str) -> None:
    cursor.execute(_MORE_THAN_READING, [user])
    found = cursor.fetchone()
    if found and found[0]:
        raise Refused(f"the role {user} may do more than read: name another one in ARB_DASHBOARDS_USER")
    if found:
        return
    if not _attempt(cursor, "CREATE ROLE {} NOLOGIN", user):
        us = _one(cursor, "SELECT current_user")
        raise Refused(
            f"the role {us} may not create the role {user} that dashboards read with: "
            f"have an administrator create {user}, or grant {us} CREATEROLE"
        )
    if not _one(cursor, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        _attempt(cursor, "GRANT {} TO CURRENT_USER", user)  # so that its queries can be tried as it would run them


def _login(connection: Any, user: str, password: Secret) -> str:
    """Return the password as the server keeps it: what is sent, and perhaps logged there, tells nothing."""
    connection.ensure_connection()
    encrypted = connection.connection.pgconn.encrypt_password(
        password.reveal().encode(), user.encode(), b"scram-sha-256"
    )
    return str(encrypted.decode())


def _set_login(cursor: Any, user: str, login: str | None) -> tuple[str, ...]:
    bounded = _attempt(cursor, f"ALTER ROLE {{}} CONNECTION LIMIT {SESSIONS}", user)
    if bounded and login:
        cursor.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(user), sql.Literal(login)))
    if bounded:
        return ()
    return (f"the role {user} is another administrator's: its password and its number of sessions stay as they are",)


def _ensure_rights(cursor: Any, user: str) -> tuple[str, ...]:
    path = search_path(cursor)
    _run(cursor, f"GRANT USAGE ON SCHEMA {SCHEMA} TO {{}}", user)
    _run(cursor, f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {{}}", user)
    for schema in path.split(", ")[1:]:
        _attempt(cursor, f"GRANT USAGE ON SCHEMA {schema} TO {{}}", user)
    return (*_set_for_logins(cursor, user, path), *_take_from_all(cursor, user))


def _set_for_logins(cursor: Any, user: str, path: str) -> tuple[str, ...]:
    database = _one(cursor, "SELECT current_database()")
    alter = "ALTER ROLE {} IN DATABASE {} SET "
    forget = "ALTER ROLE {} IN DATABASE {} RESET ALL"  # every role may change what its own sessions begin with
    given = (f"{alter}{name} = '{value}'" for name, value in SETTINGS.items())
    wishes = [forget, f"{alter}search_path = {path}", *given]
    if all(_attempt(cursor, wish, user, database) for wish in wishes):
        return ()
    return (f"the settings of the role {user} are another administrator's: set its search_path to {path} there",)


def _take_from_all(cursor: Any, user: str) -> tuple[str, ...]:
    """Take from all what PostgreSQL gives to everybody; roles that write our rows keep it, under their own names."""
    database = _one(cursor, "SELECT current_database()")
    _attempt(cursor, "REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", database)
    for schema in _all(cursor, _SCHEMAS_TO_WRITE_IN, user):
        _attempt(cursor, "REVOKE CREATE ON SCHEMA {} FROM PUBLIC", schema)
    functions = _all(cursor, _LEAVES_TRACES, user)
    if functions:
        named = ", ".join(functions)
        for role in _all(cursor, _WHO_WORKS_HERE, user):
            _attempt(cursor, f"GRANT EXECUTE ON ROUTINE {named} TO {{}}", role)
        _attempt(cursor, f"REVOKE EXECUTE ON ROUTINE {named} FROM PUBLIC")
    return tuple(_still_had(cursor, user))


def _still_had(cursor: Any, user: str) -> Iterator[str]:
    if _one(cursor, "SELECT has_database_privilege(%s, current_database(), 'TEMPORARY')", user):
        yield f"the role {user} may still make temporary tables: only the database's owner can take that from all"
    for schema in _all(cursor, _SCHEMAS_TO_WRITE_IN, user):
        yield f"the role {user} may still write in the schema {schema}: only its owner can take that from all"
    if left := _all(cursor, _LEAVES_TRACES, user):
        yield (
            f"the role {user} may still call {len(left)} functions that leave something behind or lock, as {left[0]}: "
            "only an administrator of the server can take them from all"
        )


def _attempt(cursor: Any, statement: str, *names: str) -> bool:
    """Return whether we were allowed to."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            _run(cursor, statement, *names)
    except DatabaseError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            return False
        raise
    return True


def _run(cursor: Any, statement: str, *names: str) -> None:
    cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _one(cursor: Any, query: str, *values: str) -> Any:
    cursor.execute(query, values or None)
    return cursor.fetchone()[0]


def _all(cursor: Any, query: str, *values: str) -> list[Any]:
    cursor.execute(query, values)
    return [value for (value,) in cursor.fetchall()]
