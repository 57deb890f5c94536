"""One process at a time watches a market of a scope: locks on a database session, let go when its process dies.

Whoever watches holds the lock of its share, and beside it a shared one that tells by which deal it goes: with two deals
at once a pair could be watched twice, or by nobody.
"""

import asyncio
from collections.abc import Sequence

import psycopg
import structlog
from django.db import connection
from psycopg.conninfo import make_conninfo

from domain.errors import Refused, Unreachable
from domain.partition import WHOLE, Deal, Share
from domain.scope import Scope
from ops.locks import key_of
from ops.sql import rows_of
from trading.async_database import Session

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
LINGERS_LOOKS = 3  # for so many looks whoever holds what we lost may be our own session, which the server still ends
_KNOWN_BY = "arbsite watches "  # and its share: the name of the session, for whoever is refused
_OTHER_DEALS = """
SELECT pg_stat_activity.application_name
FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
     LEFT JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid
WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND pg_database.datname = current_database()
  AND classid = %s::bigint::oid AND objid::bigint <> ALL(%s::bigint[])
"""


def name_of(scope: Scope, share: Share = WHOLE) -> str:
    """Return the name of the lock that whoever watches a share of ``scope`` holds."""
    return f"watch:{scope}" if share.is_whole else f"watch:{scope}:{share.index} of {share.deal.count}"


async def take_watch(scope: Scope, share: Share = WHOLE) -> Session:
    """Return the session that holds the watch of a share of ``scope``.

    Raises: Refused if another process holds it, or any that shares the pairs otherwise; Unreachable.
    """
    try:
        known_as = conninfo(application_name=_KNOWN_BY + str(share))
        session = await Session.connect(known_as, autocommit=True)
        try:
            await _take(scope, share, session)
        except BaseException:
            await session.close()
            raise
    except psycopg.OperationalError as error:
        raise Unreachable(f"the database cannot be used: {str(error).strip()}") from error
    return session


def watched_otherwise(scope: Scope, deal: Deal) -> list[str]:
    """Return who watches ``scope`` and shares the pairs otherwise; a watch of all pairs fits any deal."""
    return _in_words(rows_of(_OTHER_DEALS, [_deals_of(scope), [0, deal.fingerprint]]))


async def _take(scope: Scope, share: Share, session: Session) -> None:
    async with session.transaction():  # one at a time: between the look and the lock nobody comes
        await session.execute("SELECT pg_advisory_xact_lock(%s)", [key_of(f"watch:{scope}:door")])
        fingerprint = 0 if share.is_whole else share.deal.fingerprint
        cursor = await session.execute(_OTHER_DEALS, [_deals_of(scope), [fingerprint]])
        if others := _in_words(await cursor.fetchall()):
            raise Refused(
                f"{share} of {scope} cannot be watched beside {', '.join(others)}: the pairs are shared otherwise "
                "there; stop every stream and collect before ARB_PARTITIONS or ARB_PAIRS is changed"
            )
        cursor = await session.execute("SELECT pg_try_advisory_lock(%s)", [key_of(name_of(scope, share))])
        if await cursor.fetchone() != (True,):  # asked last: whoever is refused has held nothing
            raise Refused(_taken(scope, share))
        await session.execute("SELECT pg_advisory_lock_shared(%s, %s)", [_deals_of(scope), fingerprint])


def _taken(scope: Scope, share: Share) -> str:
    if share.is_whole:
        return f"a stream or collect runs for {scope} already: stop that one first, or choose another --mode"
    return f"another process watches {share} of {scope} already: stop that one first, or choose another ARB_PARTITION"


def _deals_of(scope: Scope) -> int:
    """Return the first half of the locks that tell by which deal whoever watches ``scope`` goes."""
    return key_of(f"watch:{scope}:deal") % 2**31


def _in_words(names: Sequence[tuple[str | None]]) -> list[str]:
    return sorted({(name or "").removeprefix(_KNOWN_BY) or "another watch" for (name,) in names})


async def hold_watch(scope: Scope, session: Session, share: Share = WHOLE) -> None:
    """Hold the watch until cancelled, taking it again after an outage.

    Raises: Refused if another process was first, told once our own lost session must have ended.
    """
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await session.execute("SELECT 1")
            except psycopg.OperationalError:
                session = await _take_again(scope, share)
    finally:
        await session.close()


async def _take_again(scope: Scope, share: Share) -> Session:
    refusals = 0
    while True:
        try:
            session = await take_watch(scope, share)
        except Unreachable as error:
            log.warning("watch_lost", error=str(error))
        except Refused:
            refusals += 1
            if refusals > LINGERS_LOOKS:
                raise
        else:
            log.info("watch_taken_again")
            return session
        await asyncio.sleep(LOOK_EVERY_S)


def conninfo(**more: str) -> str:
    """Return how a session beside Django's own is opened, and ``more`` that is to be known of it."""
    parameters = connection.get_connection_params()
    named = ("host", "port", "user", "password", "dbname")
    return make_conninfo(**{name: parameters[name] for name in named if name in parameters} | more)
