"""How a committed row is handed on: by the outbox to a worker, or inline where one process does everything."""

from collections import deque
from typing import Protocol

import structlog

from domain.scope import Scope
from ops.services import outbox

log = structlog.get_logger(__name__)

EXECUTION_STEP = "trading.execution_step"


class Dispatch(Protocol):
    """Hands a row on by name, once the transaction around the call has been committed."""

    def enqueue(self, kind: str, row_id: int) -> None:
        """Ask for the task ``kind`` to be run on the row; a roll-back takes the request back."""


class OutboxDispatch:
    """Writes an outbox row in the caller's transaction."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def enqueue(self, kind: str, row_id: int) -> None:
        """Write the outbox row."""
        outbox.enqueue(kind, row_id, scope=self._scope)
        log.info("handed_on", kind=kind, row_id=row_id)


class InlineDispatch:
    """Remembers what was asked for; the replay runs it between two instants of its clock."""

    def __init__(self) -> None:
        self._asked: deque[tuple[str, int]] = deque()

    def enqueue(self, kind: str, row_id: int) -> None:
        """Remember the request."""
        self._asked.append((kind, row_id))

    def drain(self) -> list[tuple[str, int]]:
        """Return what was asked for since the last call, in order."""
        asked = list(self._asked)
        self._asked.clear()
        return asked
