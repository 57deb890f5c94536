"""The life of an order: states, events, and the one table of what follows what, for legs and for executions."""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from domain.errors import IllegalTransition
from domain.scope import Scope


class LegState(StrEnum):
    """How far one leg's order has come."""

    PLANNED = "planned"  # decided, nothing prepared
    PREPARED = "prepared"  # client id and limits are stored
    SENDING = "sending"  # committed under the gate's lock: from here on the venue may have it
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    REFUSED = "refused"  # a definite no: nothing happened
    CHECKING = "checking"  # the outcome is unknown: ask the venue, never resend
    CANCELLED = "cancelled"  # closed with whatever was filled until then
    ABANDONED = "abandoned"  # given up with nothing known to be filled; reconciliation still watches it


class LegEvent(StrEnum):
    """What can happen to a leg."""

    PREPARE = "prepare"
    SEND = "send"
    ACK = "ack"
    REFUSE = "refuse"
    TIME_OUT = "time_out"
    FILL_PART = "fill_part"
    FILL = "fill"
    CANCEL = "cancel"
    PROVE_ABSENT = "prove_absent"
    ABANDON = "abandon"


class ExecutionState(StrEnum):
    """How far one execution, both legs and any unwinding, has come."""

    RESERVED = "reserved"
    RUNNING = "running"
    SETTLED = "settled"
    UNWINDING = "unwinding"
    UNWOUND = "unwound"
    NEEDS_PERSON = "needs_person"


class ExecutionEvent(StrEnum):
    """What can happen to an execution."""

    START = "start"
    LEGS_CLOSED_FLAT = "legs_closed_flat"
    LEGS_CLOSED_OPEN = "legs_closed_open"  # closed with exposure left over
    UNWIND_CLOSED_FLAT = "unwind_closed_flat"
    UNWIND_RETRY = "unwind_retry"
    LATE_FILL = "late_fill"  # reconciliation found a fill after the end
    GIVE_UP = "give_up"
    PERSON_RESOLVED = "person_resolved"


State: TypeAlias = LegState | ExecutionState
Event: TypeAlias = LegEvent | ExecutionEvent

LEG_TERMINAL: frozenset[LegState] = frozenset(
    {LegState.FILLED, LegState.REFUSED, LegState.CANCELLED, LegState.ABANDONED}
)
EXECUTION_TERMINAL: frozenset[ExecutionState] = frozenset(
    {ExecutionState.SETTLED, ExecutionState.UNWOUND, ExecutionState.NEEDS_PERSON}
)

_LEG: Mapping[tuple[LegState, LegEvent], LegState] = {
    (LegState.PLANNED, LegEvent.PREPARE): LegState.PREPARED,
    (LegState.PLANNED, LegEvent.REFUSE): LegState.REFUSED,  # the gate said no, or its book was never observed
    (LegState.PLANNED, LegEvent.ABANDON): LegState.ABANDONED,  # the other leg was refused before this one began
    (LegState.PREPARED, LegEvent.SEND): LegState.SENDING,
    (LegState.PREPARED, LegEvent.REFUSE): LegState.REFUSED,
    (LegState.PREPARED, LegEvent.ABANDON): LegState.ABANDONED,
    (LegState.SENDING, LegEvent.ACK): LegState.OPEN,
    (LegState.SENDING, LegEvent.FILL_PART): LegState.PARTIAL,
    (LegState.SENDING, LegEvent.FILL): LegState.FILLED,
    (LegState.SENDING, LegEvent.REFUSE): LegState.REFUSED,
    (LegState.SENDING, LegEvent.CANCEL): LegState.CANCELLED,  # immediate-or-cancel, and nothing was good enough
    (LegState.SENDING, LegEvent.TIME_OUT): LegState.CHECKING,
    (LegState.SENDING, LegEvent.ABANDON): LegState.ABANDONED,  # the request was not begun within its 500 ms
    (LegState.OPEN, LegEvent.ACK): LegState.OPEN,  # reply and stream both tell us
    (LegState.OPEN, LegEvent.FILL_PART): LegState.PARTIAL,
    (LegState.OPEN, LegEvent.FILL): LegState.FILLED,
    (LegState.OPEN, LegEvent.CANCEL): LegState.CANCELLED,
    (LegState.OPEN, LegEvent.REFUSE): LegState.REFUSED,  # Alpaca accepts an order and may reject it a moment later
    (LegState.OPEN, LegEvent.TIME_OUT): LegState.CHECKING,
    (LegState.PARTIAL, LegEvent.ACK): LegState.PARTIAL,  # the stream's fill overtook the reply
    (LegState.PARTIAL, LegEvent.FILL_PART): LegState.PARTIAL,
    (LegState.PARTIAL, LegEvent.FILL): LegState.FILLED,
    (LegState.PARTIAL, LegEvent.CANCEL): LegState.CANCELLED,
    (LegState.PARTIAL, LegEvent.TIME_OUT): LegState.CHECKING,
    (LegState.CHECKING, LegEvent.ACK): LegState.OPEN,
    (LegState.CHECKING, LegEvent.FILL_PART): LegState.PARTIAL,
    (LegState.CHECKING, LegEvent.FILL): LegState.FILLED,
    (LegState.CHECKING, LegEvent.REFUSE): LegState.REFUSED,
    (LegState.CHECKING, LegEvent.CANCEL): LegState.CANCELLED,
    (LegState.CHECKING, LegEvent.TIME_OUT): LegState.CHECKING,  # asked again, and still no answer
    (LegState.CHECKING, LegEvent.PROVE_ABSENT): LegState.ABANDONED,  # a venue's lists lag: the proof may be overturned
    (LegState.CHECKING, LegEvent.ABANDON): LegState.ABANDONED,  # the grace period is over
    (LegState.FILLED, LegEvent.ACK): LegState.FILLED,  # the stream's fill overtook the reply
    (LegState.FILLED, LegEvent.FILL_PART): LegState.FILLED,  # trades are told again, by stream, list and reply
    (LegState.FILLED, LegEvent.FILL): LegState.FILLED,
    (LegState.FILLED, LegEvent.CANCEL): LegState.FILLED,  # our cancel lost the race
    (LegState.FILLED, LegEvent.TIME_OUT): LegState.FILLED,  # the reply was lost, the stream was not
    (LegState.CANCELLED, LegEvent.ACK): LegState.CANCELLED,
    (LegState.CANCELLED, LegEvent.CANCEL): LegState.CANCELLED,
    (LegState.CANCELLED, LegEvent.TIME_OUT): LegState.CANCELLED,
    (LegState.CANCELLED, LegEvent.FILL_PART): LegState.CANCELLED,  # the trade list is slower than the order's state
    (LegState.CANCELLED, LegEvent.FILL): LegState.FILLED,  # Kraken may fill in the gap before it sees our cancel
    (LegState.REFUSED, LegEvent.REFUSE): LegState.REFUSED,  # reply and stream both tell us
    (LegState.ABANDONED, LegEvent.ACK): LegState.OPEN,  # reconciliation found it after the grace period
    (LegState.ABANDONED, LegEvent.FILL_PART): LegState.PARTIAL,
    (LegState.ABANDONED, LegEvent.FILL): LegState.FILLED,
    (LegState.ABANDONED, LegEvent.CANCEL): LegState.CANCELLED,
    (LegState.ABANDONED, LegEvent.REFUSE): LegState.REFUSED,
    (LegState.ABANDONED, LegEvent.TIME_OUT): LegState.ABANDONED,
    (LegState.ABANDONED, LegEvent.PROVE_ABSENT): LegState.ABANDONED,
    (LegState.ABANDONED, LegEvent.ABANDON): LegState.ABANDONED,
}

_EXECUTION: Mapping[tuple[ExecutionState, ExecutionEvent], ExecutionState] = {
    (ExecutionState.RESERVED, ExecutionEvent.START): ExecutionState.RUNNING,
    (ExecutionState.RESERVED, ExecutionEvent.LEGS_CLOSED_FLAT): ExecutionState.SETTLED,  # the gate closed before START
    (ExecutionState.RESERVED, ExecutionEvent.GIVE_UP): ExecutionState.NEEDS_PERSON,
    (ExecutionState.RUNNING, ExecutionEvent.START): ExecutionState.RUNNING,  # the message was delivered again
    (ExecutionState.RUNNING, ExecutionEvent.LEGS_CLOSED_FLAT): ExecutionState.SETTLED,
    (ExecutionState.RUNNING, ExecutionEvent.LEGS_CLOSED_OPEN): ExecutionState.UNWINDING,
    (ExecutionState.RUNNING, ExecutionEvent.GIVE_UP): ExecutionState.NEEDS_PERSON,
    (ExecutionState.UNWINDING, ExecutionEvent.UNWIND_RETRY): ExecutionState.UNWINDING,
    (ExecutionState.UNWINDING, ExecutionEvent.LATE_FILL): ExecutionState.UNWINDING,
    (ExecutionState.UNWINDING, ExecutionEvent.UNWIND_CLOSED_FLAT): ExecutionState.UNWOUND,
    (ExecutionState.UNWINDING, ExecutionEvent.GIVE_UP): ExecutionState.NEEDS_PERSON,
    (ExecutionState.SETTLED, ExecutionEvent.LATE_FILL): ExecutionState.UNWINDING,  # an abandoned order was filled
    (ExecutionState.UNWOUND, ExecutionEvent.LATE_FILL): ExecutionState.UNWINDING,  # an abandoned order was filled
    (ExecutionState.NEEDS_PERSON, ExecutionEvent.LATE_FILL): ExecutionState.NEEDS_PERSON,  # the person is told more
    (ExecutionState.NEEDS_PERSON, ExecutionEvent.PERSON_RESOLVED): ExecutionState.UNWOUND,
}

TRANSITIONS: Mapping[tuple[State, Event], State] = dict([*_LEG.items(), *_EXECUTION.items()])


def advance(state: State, event: Event) -> State:
    """Return the state that follows ``event``. Raises: IllegalTransition if the table has no such row."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} is not accepted in state {state}") from None


def client_id(execution_id: int, leg: int, attempt: int, *, scope: Scope) -> str:
    """Return the one name that an order goes by, the same whenever it is asked for.

    It reads as a UUID (36 characters), which Kraken's ``cl_ord_id`` and Alpaca's ``client_order_id`` both take.
    """
    named = f"{scope}/{execution_id}/{leg}/{attempt}".encode()
    return str(uuid.UUID(bytes=sha256(named).digest()[:16], version=5))
