"""The state tables of legs and executions, and the names that orders go by."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition
from domain.execution import (
    EXECUTION_TERMINAL,
    LEG_TERMINAL,
    TRANSITIONS,
    ExecutionEvent,
    ExecutionState,
    LegEvent,
    LegState,
    advance,
    client_id,
)
from domain.scope import Mode, Scope

LEG_TABLE = {row: after for row, after in TRANSITIONS.items() if isinstance(row[0], LegState)}
EXECUTION_TABLE = {row: after for row, after in TRANSITIONS.items() if isinstance(row[0], ExecutionState)}
LATE_LEG_EXITS = {
    (LegState.CANCELLED, LegEvent.FILL, LegState.FILLED),
    (LegState.ABANDONED, LegEvent.ACK, LegState.OPEN),
    (LegState.ABANDONED, LegEvent.FILL_PART, LegState.PARTIAL),
    (LegState.ABANDONED, LegEvent.FILL, LegState.FILLED),
    (LegState.ABANDONED, LegEvent.CANCEL, LegState.CANCELLED),
    (LegState.ABANDONED, LegEvent.REFUSE, LegState.REFUSED),
}
LATE_EXECUTION_EXITS = {
    (ExecutionState.SETTLED, ExecutionEvent.LATE_FILL, ExecutionState.UNWINDING),
    (ExecutionState.UNWOUND, ExecutionEvent.LATE_FILL, ExecutionState.UNWINDING),
    (ExecutionState.NEEDS_PERSON, ExecutionEvent.PERSON_RESOLVED, ExecutionState.UNWOUND),
}


def exits_of(table: Mapping, states: frozenset) -> set:
    """Return the rows that lead out of ``states``."""
    return {(state, event, after) for (state, event), after in table.items() if state in states and after != state}


def reachable(table: Mapping, start: object) -> set:
    """Return every state that ``start`` can come to."""
    seen, waiting = {start}, [start]
    while waiting:
        now = waiting.pop()
        found = {after for (state, _), after in table.items() if state == now} - seen
        seen |= found
        waiting.extend(found)
    return seen


def test_a_leg_that_is_filled_at_once_takes_the_short_way():
    state = LegState.PLANNED
    for event in (LegEvent.PREPARE, LegEvent.SEND, LegEvent.FILL):
        state = advance(state, event)
    assert state is LegState.FILLED


def test_a_time_out_leads_to_asking_and_never_back_to_sending():
    assert advance(LegState.SENDING, LegEvent.TIME_OUT) is LegState.CHECKING
    assert LegState.SENDING not in reachable(LEG_TABLE, LegState.CHECKING)


def test_nothing_but_a_first_send_leads_to_sending():
    assert [row for row, after in LEG_TABLE.items() if after is LegState.SENDING] == [
        (LegState.PREPARED, LegEvent.SEND)
    ]


def test_a_lone_leg_is_unwound():
    state = ExecutionState.RESERVED
    for event in (ExecutionEvent.START, ExecutionEvent.LEGS_CLOSED_OPEN, ExecutionEvent.UNWIND_RETRY):
        state = advance(state, event)
    assert advance(state, ExecutionEvent.UNWIND_CLOSED_FLAT) is ExecutionState.UNWOUND


def test_closed_legs_open_again_only_by_what_really_happens_late():
    assert exits_of(LEG_TABLE, LEG_TERMINAL) == LATE_LEG_EXITS


def test_ended_executions_open_again_only_by_late_fills_and_persons():
    assert exits_of(EXECUTION_TABLE, EXECUTION_TERMINAL) == LATE_EXECUTION_EXITS


@pytest.mark.parametrize("state", LegState)
def test_every_leg_can_come_to_an_end(state):
    assert reachable(LEG_TABLE, state) & LEG_TERMINAL


@pytest.mark.parametrize("state", ExecutionState)
def test_every_execution_can_come_to_an_end(state):
    assert reachable(EXECUTION_TABLE, state) & EXECUTION_TERMINAL


def test_every_state_can_be_reached():
    assert reachable(LEG_TABLE, LegState.PLANNED) == set(LegState)
    assert reachable(EXECUTION_TABLE, ExecutionState.RESERVED) == set(ExecutionState)


@given(state=st.sampled_from(LegState), event=st.sampled_from(LegEvent))
def test_a_leg_event_is_either_in_the_table_or_refused(state, event):
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"{event} is not accepted in state {state}"):
            advance(state, event)


@given(state=st.sampled_from(ExecutionState), event=st.sampled_from(ExecutionEvent))
def test_an_execution_event_is_either_in_the_table_or_refused(state, event):
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition):
            advance(state, event)


@given(events=st.lists(st.sampled_from(LegEvent), max_size=30))
def test_a_filled_leg_stays_filled_whatever_is_told_later(events):
    state = LegState.FILLED
    for event in events:
        if (state, event) in TRANSITIONS:
            state = advance(state, event)
    assert state is LegState.FILLED


def test_the_two_tables_share_no_state_by_name():
    assert not {state.value for state in LegState} & {state.value for state in ExecutionState}


def test_a_leg_does_not_take_an_execution_s_event():
    with pytest.raises(IllegalTransition):
        advance(LegState.PLANNED, ExecutionEvent.START)


ids = st.tuples(st.integers(0, 2**63), st.integers(0, 9), st.integers(0, 9))
scopes = st.builds(Scope, st.sampled_from(Mode), st.sampled_from([None, "a", "b"]))


@given(one=st.tuples(ids, scopes), other=st.tuples(ids, scopes))
def test_a_client_id_is_the_same_for_the_same_order_and_for_no_other(one, other):
    names = [client_id(*order, scope=scope) for order, scope in (one, other)]
    assert (names[0] == names[1]) == (one == other)


@given(order=ids)
def test_a_client_id_has_the_shape_that_venues_take(order):
    name = client_id(*order, scope=Scope(Mode.LIVE))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)
