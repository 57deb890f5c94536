"""The outbox: a task is a row in the caller's transaction first, and a message only after the commit."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from domain.errors import Unreachable
from domain.scope import Scope
from ops import correlation
from ops.models import Outbox

CHANNEL = "outbox"
BATCH = 100

Send = Callable[[str, int], None]  # raises Unreachable when the broker did not accept the message


def enqueue(kind: str, row_id: int, *, scope: Scope, due_at: datetime | None = None) -> None:
    """Have the task called ``kind`` sent with ``row_id`` once the caller's transaction is committed and it is due."""
    Outbox.objects.create(
        kind=kind,
        row_id=row_id,
        due_at=due_at or Now(),
        correlation_id=correlation.current(),
        **scope.columns,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, scope.mode.value])


def publish_due(send: Send, *, scope: Scope, limit: int = BATCH, older_than_s: float = 0) -> int:
    """Send the due rows of the scope's mode, whatever their run, and return how many the broker accepted.

    The one place where a transaction stays open across the network: the row lock is what keeps two publishers off
    one row, and the broker's time-outs are short. A crash before the commit sends a row twice, which the task bears.
    Raises: Unreachable once the broker refuses; what it accepted before is marked.
    """
    with transaction.atomic(durable=True):
        rows = _lock_waiting(scope, limit=limit, older_than_s=older_than_s)
        accepted, failure = _send_each(rows, send)
        _mark(rows, accepted)
    if failure:
        raise failure
    return accepted


def waiting(*, scope: Scope) -> int:
    """Return how many due rows the broker has not been given."""
    return Outbox.objects.in_mode(scope.mode).filter(dispatched_at=None, due_at__lte=Now()).count()


def _lock_waiting(scope: Scope, *, limit: int, older_than_s: float) -> list[Outbox]:
    waiting_rows = Outbox.objects.in_mode(scope.mode).filter(
        dispatched_at=None, due_at__lte=Now() - timedelta(seconds=older_than_s)
    )
    return list(waiting_rows.order_by("due_at", "id").select_for_update(skip_locked=True)[:limit])


def _send_each(rows: Sequence[Outbox], send: Send) -> tuple[int, Unreachable | None]:
    for sent, row in enumerate(rows):
        try:
            with correlation.correlated(row.correlation_id):
                send(row.kind, row.row_id)
        except Unreachable as error:
            return sent, error
    return len(rows), None


def _mark(rows: Sequence[Outbox], accepted: int) -> None:
    tried = [row.pk for row in rows[: accepted + 1]]
    if tried:
        Outbox.objects.filter(pk__in=tried).update(attempts=F("attempts") + 1)
    if accepted:
        Outbox.objects.filter(pk__in=tried[:accepted]).update(dispatched_at=Now())
