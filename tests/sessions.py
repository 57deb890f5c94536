"""A second database session beside the test's own."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


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
