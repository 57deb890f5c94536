"""Other database sessions beside the test's own, and their end."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")

PATIENCE_S = 60


def in_another_session(ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns in a thread of its own, and so on a connection of its own."""
    answers = []

    def run() -> None:
        try:
            answers.append(ask())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


def other_sessions() -> set[int]:
    """Return the pids of every other session with this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction would see for ever what it saw first
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return {pid for (pid,) in cursor.fetchall()}


def end_session(pid: int, *, by: Any = connection) -> None:
    """End a session and return once the server has: asked only, it may still answer its next question."""
    with by.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, %s)", [pid, PATIENCE_S * 1000])
        assert cursor.fetchone() == (True,)


def end_other_sessions() -> int:
    """End every other session with this database and return how many there were, once the server has ended them."""
    with connection.cursor() as cursor:
        found = other_sessions()
        for pid in found:
            cursor.execute("SELECT pg_terminate_backend(%s, %s)", [pid, PATIENCE_S * 1000])
        return len(found)


def wait_for_the_end_of(*pids: int) -> None:
    """Return once the server has ended sessions that were closed or killed: until then it may commit and lock."""
    deadline_s = time.monotonic() + PATIENCE_S
    while other_sessions() & set(pids):
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
