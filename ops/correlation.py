"""The correlation id that ties one request, task or decision to every log line and row it causes."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("correlation_id", default="")


def current() -> str:
    """Return the correlation id of this context, or the empty string."""
    return _current.get()


def new() -> str:
    """Return a fresh id; it is not bound."""
    return uuid.uuid4().hex[:16]


def bind(correlation_id: str) -> None:
    """Make ``correlation_id`` this context's own, for callers with no block to leave."""
    _current.set(correlation_id)


@contextmanager
def correlated(correlation_id: str = "") -> Iterator[str]:
    """Bind ``correlation_id``, or a fresh one, for the block, and yield it."""
    token = _current.set(correlation_id or new())
    try:
        yield _current.get()
    finally:
        _current.reset(token)
