"""Threads that nobody waits for at the end.

A loop has names resolved in threads of its executor, and whoever ends it waits for them: half a minute for names that
no server resolves.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonExecutor(ThreadPoolExecutor):
    """Does each call in a daemon thread of its own; a pool in name alone, for a loop takes nothing else."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Begin a call and return what will hold its result."""
        future: Future[T] = Future()
        threading.Thread(target=_settle, args=(future, partial(fn, *args, **kwargs)), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""


def _settle(future: "Future[T]", call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - the outermost frame of the thread: it is for whoever asked
        future.set_exception(error)
    else:
        future.set_result(result)
