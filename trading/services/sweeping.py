"""Sweeping: an execution that nobody came back to is handed on again; losing a message changes nothing."""

from datetime import timedelta

from django.db import transaction

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from ops.correlation import correlated
from trading.dispatch import EXECUTION_STEP, Dispatch, OutboxDispatch
from trading.models import Execution

NEXT_LOOK = timedelta(seconds=5)
BATCH = 500


def sweep_executions(scope: Scope, *, clock: Clock, dispatch: Dispatch | None = None) -> int:
    """Hand on every execution that is due, and return how many; two sweepers never take the same one."""
    now = from_ns(clock.now_ns())
    dispatch = dispatch or OutboxDispatch(scope)
    with transaction.atomic():
        due = Execution.objects.in_scope(scope).filter(due_at__lte=now).order_by("due_at")
        found = dict(due.select_for_update(skip_locked=True).values_list("pk", "correlation_id")[:BATCH])
        Execution.objects.filter(pk__in=found).update(due_at=now + NEXT_LOOK)
        for execution_id, correlation_id in found.items():
            with correlated(correlation_id):
                dispatch.enqueue(EXECUTION_STEP, execution_id)
    return len(found)
