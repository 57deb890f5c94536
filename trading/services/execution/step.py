"""One step of an execution: take it as far as it can go now, then leave; safe to run twice, at any time, by anyone.

Intent, act, record: orders are PREPARED in one transaction, committed as SENDING under the gate's lock in a second,
placed with no transaction open, and what came back is committed in a third. Whatever is killed between two of them,
the next step finds the rows and asks the venue before anything else.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.conf import settings

from domain.execution import EXECUTION_TERMINAL, ExecutionState
from domain.market import Clock
from domain.timestamps import from_ns
from ops.correlation import correlated
from ops.locks import advisory
from trading.models import Execution
from trading.services.execution.asking import ask
from trading.services.execution.conclude import conclude
from trading.services.execution.sending import prepare, send
from trading.venues.base import TradingVenue

log = structlog.get_logger(__name__)

Venues = Mapping[str, TradingVenue]
LOOK_AGAIN = timedelta(seconds=2)


def step(execution_id: int, *, venues: Venues, clock: Clock) -> ExecutionState | None:
    """Take one execution as far as it can go now and return the state it reached, None where there is no such one.

    Raises: whatever a venue raises that is neither a refusal nor silence.
    """
    with advisory(f"execution:{execution_id}") as is_ours:
        execution = Execution.objects.filter(pk=execution_id).first()
        if execution is None:  # after a restore, messages still name executions that came after the dump
            log.warning("execution_is_gone", execution_id=execution_id)
            return None
        if execution.mode != settings.ARB.scope.mode:  # dry run and live share a database, and messages can be forged
            log.error("execution_of_another_mode", execution_id=execution_id, mode=execution.mode)
            return ExecutionState(execution.state)
        if not is_ours:  # somebody is stepping it this very moment, and what they miss the sweeper brings back
            return ExecutionState(execution.state)
        with correlated(execution.correlation_id):
            return _advance(execution, venues=venues, clock=clock)


def look(execution_id: int, *, venues: Venues, clock: Clock) -> ExecutionState:
    """Ask what became of an execution's orders and conclude what can be, sending nothing; return the state it reached.

    Raises: Execution.DoesNotExist; else as ``step``.
    """
    with advisory(f"execution:{execution_id}") as is_ours:
        execution = Execution.objects.get(pk=execution_id)
        if is_ours and execution.state not in EXECUTION_TERMINAL:
            with correlated(execution.correlation_id):
                ask(execution, venues=venues, clock=clock)
                conclude(execution, clock=clock)
        return ExecutionState(execution.state)


def _advance(execution: Execution, *, venues: Venues, clock: Clock) -> ExecutionState:
    if execution.state in EXECUTION_TERMINAL:
        return ExecutionState(execution.state)
    _look_again(execution, clock=clock)
    if execution.state == ExecutionState.RESERVED:
        prepare(execution, clock=clock)
    # An unwinding order written by ``conclude`` is sent in the same step, hence the second round.
    for _ in range(2):
        send(execution, venues=venues, clock=clock)
        ask(execution, venues=venues, clock=clock)
        if not conclude(execution, clock=clock):
            break
    return ExecutionState(execution.state)


def _look_again(execution: Execution, *, clock: Clock) -> None:
    due_at = from_ns(clock.now_ns()) + LOOK_AGAIN
    execution.steps += 1
    Execution.objects.filter(pk=execution.pk).update(due_at=due_at, steps=execution.steps)
