"""Moving rows through the state table: compare, set, and append the event, in the caller's transaction."""

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from django.db import transaction

from domain.errors import Unreachable
from domain.execution import ExecutionEvent, LegEvent, advance
from ops import metering, metrics
from trading.models import Execution, Order, StateEvent


def move_order(order: Order, event: LegEvent, *, at: datetime, **changes: Any) -> None:
    """Take an order to the state that follows ``event`` and set ``changes`` with it.

    Raises: IllegalTransition, or Unreachable if another process moved the row meanwhile.
    """
    _move(order, event, order.execution, order, at=at, **changes)


def move_execution(execution: Execution, event: ExecutionEvent, *, at: datetime, **changes: Any) -> None:
    """Take an execution to the state that follows ``event`` and set ``changes`` with it.

    Raises: as ``move_order``.
    """
    _move(execution, event, execution, None, at=at, **changes)


def _move(
    row: Execution | Order,
    event: LegEvent | ExecutionEvent,
    execution: Execution,
    order: Order | None,
    *,
    at: datetime,
    **changes: Any,
) -> None:
    before = row.state
    after = advance(type(row).STATES(before), event)
    moved = type(row).objects.filter(pk=row.pk, state=before).update(state=after, **changes)
    if moved != 1:
        raise Unreachable(f"{row} left state {before} while it was being moved by {event}")
    for name, value in {"state": after.value, **changes}.items():
        setattr(row, name, value)
    StateEvent.objects.create(
        **row.scope.columns,
        execution=execution,
        order=order,
        event=event,
        from_state=before,
        to_state=after,
        happened_at=at,
        detail={"reason": changes["reason"]} if changes.get("reason") else {},
    )
    transaction.on_commit(partial(_count, row, after))


def _count(row: Execution | Order, state: StrEnum) -> None:
    if isinstance(row, Order):
        metering.add(metrics.ORDERS, row.venue, state)
    else:
        metering.add(metrics.EXECUTIONS, state)
