"""Advisory locks: one holder of a name at a time, across every process on the database."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND datname = current_database()
      AND classid = %s::bigint::oid AND objid = %s::bigint::oid
)
"""


def key_of(name: str) -> int:
    """Return the signed 64-bit key that stands for ``name``."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextmanager
def advisory(name: str, *, shared: bool = False) -> Iterator[bool]:
    """Yield whether this session took the lock ``name``, without waiting; it is let go at the end of the block.

    The lock lives on the database session, so a process that dies lets it go. Those who hold it ``shared`` keep out
    whoever wants it alone, and no other.
    """
    suffix = "_shared" if shared else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock{suffix}(%s)", [key_of(name)])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            _release(name, suffix)


def is_held(name: str) -> bool:
    """Return whether any session on this database holds the lock ``name`` now; nobody is made to wait."""
    high, low = divmod(key_of(name) % 2**64, 2**32)  # as PostgreSQL shows a 64-bit key
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [high, low])
        return bool(cursor.fetchone()[0])


def hold_until_commit(name: str) -> None:
    """Wait for the lock ``name`` and keep it until the caller's transaction ends.

    Raises: TransactionManagementError outside a transaction, where the lock would be let go at once.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(f"lock {name!r} is held until commit: open a transaction first")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key_of(name)])


def _release(name: str, suffix: str) -> None:
    # A broken session has let the lock go already, and cannot be asked.
    if connection.connection is not None and not connection.connection.closed:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock{suffix}(%s)", [key_of(name)])
