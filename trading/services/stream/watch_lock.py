"""One process at a time watches the markets for a scope: a lock on a database session, let go when its process dies."""

import asyncio
from typing import Any

import psycopg
import structlog
from django.db import connection
from psycopg.conninfo import make_conninfo

from domain.errors import Refused, Unreachable
from domain.scope import Scope
from ops.locks import key_of

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0

Connection = psycopg.AsyncConnection[Any]


def name_of(scope: Scope) -> str:
    """Return the name of the lock that whoever watches ``scope`` holds."""
    return f"watch:{scope}"


async def take_watch(scope: Scope) -> Connection:
    """Return the session that holds the watch of ``scope``.

    Raises: Refused if another process holds it; Unreachable.
    """
    try:
        session = await psycopg.AsyncConnection.connect(conninfo(), autocommit=True)
        cursor = await session.execute("SELECT pg_try_advisory_lock(%s)", [key_of(name_of(scope))])
        row = await cursor.fetchone()
    except psycopg.OperationalError as error:
        raise Unreachable(f"the database cannot be used: {str(error).strip()}") from error
    if row != (True,):
        await session.close()
        raise Refused(f"a stream or collect runs for {scope} already: stop that one first, or choose another --mode")
    return session


async def hold_watch(scope: Scope, session: Connection) -> None:
    """Hold the watch until cancelled, taking it again after an outage. Raises: Refused if another process was first."""
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await session.execute("SELECT 1")
            except psycopg.OperationalError:
                session = await _take_again(scope)
    finally:
        await session.close()


async def _take_again(scope: Scope) -> Connection:
    while True:
        try:
            session = await take_watch(scope)
        except Unreachable as error:
            log.warning("watch_lost", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)
        else:
            log.info("watch_taken_again")
            return session


def conninfo() -> str:
    """Return how a session beside Django's own is opened."""
    parameters = connection.get_connection_params()
    named = ("host", "port", "user", "password", "dbname")
    return make_conninfo(**{name: parameters[name] for name in named if name in parameters})
