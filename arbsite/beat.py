"""Beat's scheduler: the stored schedule, one beat at a time, and a sign of life."""

import threading
import time
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django_celery_beat.schedulers import DatabaseScheduler

from ops.locks import key_of
from ops.queues import BEAT
from ops.services import canaries

log = structlog.get_logger(__name__)

LOCK = "beat"
STANDBY_S = 2.0
SIGN_EVERY_S = 5.0
STORE_WITHIN_S = 3.0


class OneBeat(DatabaseScheduler):
    """Ticks while it holds the lock ``beat``: a second one stands by, and takes over when the first is gone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._session: Any = None  # the database session that holds the lock
        self._signed_at_s = 0.0
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, and return the seconds until more is."""
        try:
            if not self._has_lock():
                return STANDBY_S
            pause_s = super().tick(*args, **kwargs)
            self._sign()
        except (DatabaseError, InterfaceError) as error:
            log.error("beat_without_database", error=str(error))
            connection.close()
            return STANDBY_S
        return min(float(pause_s), SIGN_EVERY_S)

    def close(self) -> None:
        """Store what was sent, in a session of its own, within a few seconds.

        A signal's handler asks for it: in the session of a question that is under way it would wait for itself, and for
        a database that is away without end.
        """
        storing = threading.Thread(target=self._store, name="beat-storing", daemon=True)
        storing.start()
        storing.join(STORE_WITHIN_S)

    def _store(self) -> None:
        try:
            self.sync()
        finally:
            connection.close()

    def _has_lock(self) -> bool:
        connection.ensure_connection()
        if connection.connection is self._session and not self._session.closed:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [key_of(LOCK)])
            taken = bool(cursor.fetchone()[0])
        self._session = connection.connection if taken else None
        return taken

    def _sign(self) -> None:
        if time.monotonic() - self._signed_at_s >= SIGN_EVERY_S:
            canaries.seen(BEAT, scope=settings.ARB.scope)
            self._signed_at_s = time.monotonic()
