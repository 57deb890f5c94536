"""The one writer thread: the only user of the ORM in a process whose loop must never wait for the database."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from domain.errors import Unreachable
from ops import metering, metrics

log = structlog.get_logger(__name__)

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
MOST_AHEAD = 64
WOKEN = "woken"
Job = Callable[[], Any]


class Writer:
    """Runs jobs one after another on its own connection; a job that finds no database waits for it.

    A job may run again after its connection broke at the commit: every job is safe to run twice. Jobs ``ahead`` pass
    those that wait, and keep their own order: a recording is not held up by what is decided.
    """

    def __init__(self, *, capacity: int = 10_000) -> None:
        self._jobs: queue.Queue[tuple[str, Job] | None] = queue.Queue(capacity)
        self._ahead: queue.Queue[tuple[str, Job]] = queue.Queue(min(capacity, MOST_AHEAD))
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopping = threading.Event()
        self.counts: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Return how many jobs wait."""
        return self._jobs.qsize() + self._ahead.qsize()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, name: str, job: Job) -> bool:
        """Queue a job; return False, and count it as dropped, where the queue is full."""
        is_queued = self.offer(name, job)
        if not is_queued:
            self.counts["dropped"] += 1
        return is_queued

    def offer(self, name: str, job: Job, *, ahead: bool = False, wait_s: float = 0.0) -> bool:
        """Queue a job that the caller keeps where the queue stays full; return whether it was queued."""
        jobs = self._ahead if ahead else self._jobs
        try:
            jobs.put((name, job), block=wait_s > 0, timeout=wait_s or None)
        except queue.Full:
            return False
        if ahead:
            self._wake()
        return True

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Finish what is queued, within ``timeout_s``, and end the thread; what no database took by then is lost."""
        ends_at_s = time.monotonic() + timeout_s
        with suppress(queue.Full):  # nothing leaves the queue while the database is away: the event below ends it
            self._jobs.put(None, timeout=timeout_s)
        self._thread.join(max(0.0, ends_at_s - time.monotonic()))
        self._stopping.set()

    def _wake(self) -> None:
        with suppress(queue.Full):  # then it is awake, and looks ahead after the job that it is at
            self._jobs.put_nowait((WOKEN, _nothing))

    def _run(self) -> None:
        while not self._stopping.is_set() and (item := self._jobs.get()) is not None:
            self._finish_ahead()
            self._finish(*item)
        self._finish_ahead()
        connection.close()

    def _finish_ahead(self) -> None:
        with suppress(queue.Empty):
            while not self._stopping.is_set():
                self._finish(*self._ahead.get_nowait())

    def _finish(self, name: str, job: Job) -> None:
        attempt, begun_s = 0, time.monotonic()
        while not self._stopping.is_set():
            try:
                job()
            except (OperationalError, InterfaceError, Unreachable) as error:
                attempt += 1
                self._wait(name, error, attempt)
            except Exception:  # the thread's outermost frame; the job itself is at fault: trying again cannot help
                self.counts["failed"] += 1
                log.exception("write_failed", job=name)
                return
            else:
                self.counts[name] += 1
                metering.observe(metrics.WRITE_DURATION, time.monotonic() - begun_s, name)
                return

    def _wait(self, name: str, error: Exception, attempt: int) -> None:
        if attempt == 1:
            log.warning("database_away", job=name, error=str(error).strip())
        close_old_connections()
        connection.close()
        self._stopping.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S)) - 1])


def _nothing() -> None:
    """Do nothing: the thread was only to look ahead."""
