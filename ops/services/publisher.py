"""The thread that turns outbox rows into messages: in the execution worker's parent, and it never steps anything."""

import os
import threading
import time
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection

from domain.errors import Unreachable
from domain.scope import Scope
from ops import metering, metrics
from ops.services.outbox import BATCH, CHANNEL, Send, publish_due

log = structlog.get_logger(__name__)

POLL_S = 0.2
PAUSE_S = 0.5  # between attempts while the database or the broker is away


class Publisher(threading.Thread):
    """Publishes at every NOTIFY and at least every 200 ms, through outages of the database and of the broker."""

    def __init__(self, send: Send, *, scope: Scope) -> None:
        super().__init__(name="outbox-publisher", daemon=True)
        self._send = send
        self._scope = scope
        self._stopping = threading.Event()
        self._listening: Any = None  # the session that LISTEN was said on
        self._away_since: float | None = None
        os.register_at_fork(after_in_child=self._let_go_in_child)

    def run(self) -> None:
        """Publish until stopped."""
        while not self._stopping.is_set():
            try:
                self._publish_then_wait()
            except (DatabaseError, InterfaceError, Unreachable) as error:
                self._note_outage(error)
            except Exception:
                # the loop's outermost frame: a dead publisher would stop every execution
                log.exception("outbox_publisher_failed")
                self._start_again()
        connection.close()

    def stop(self) -> None:
        """Ask the thread to end and wait until it has."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def _publish_then_wait(self) -> None:
        self._listen()
        while (published := publish_due(self._send, scope=self._scope)) == BATCH:
            metering.add(metrics.PUBLISHED, amount=published)
        metering.add(metrics.PUBLISHED, amount=published)
        self._note_recovery()
        self._wait()

    def _listen(self) -> None:
        connection.ensure_connection()
        if connection.connection is not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._listening = connection.connection

    def _wait(self) -> None:
        with connection.wrap_database_errors:
            for _ in connection.connection.notifies(timeout=POLL_S, stop_after=1):
                return

    def _note_outage(self, error: Exception) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            metering.add(metrics.OUTAGES)
            log.error("outbox_stands_still", error=str(error))
        self._start_again(keep_session=isinstance(error, Unreachable))

    def _note_recovery(self) -> None:
        if self._away_since is not None:
            log.info("outbox_moves_again", away_s=round(time.monotonic() - self._away_since, 1))
            self._away_since = None

    def _start_again(self, *, keep_session: bool = False) -> None:
        if not keep_session:
            connection.close()
        self._stopping.wait(PAUSE_S)

    def _let_go_in_child(self) -> None:
        # A pool child would keep our session, and its row locks, alive after a kill of this process.
        if self._listening is not None and not self._listening.closed:
            os.close(self._listening.fileno())
            self._listening = None
