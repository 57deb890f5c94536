"""Reconciliation: what disagrees is told; what was restored sends nothing until everything agrees."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import transaction

from domain.errors import Refused
from domain.execution import LegEvent, LegState
from domain.timestamps import from_ns
from ops.models import Alert, OperatorAction
from risk.models import Gate, GateState, Reservation
from risk.services import halt, may_send, require_reconciliation, resume
from tests.fakes import SIM, book
from tests.trading.services.conftest import Line
from trading.models import Balance, Execution, Order, Reconciliation, StateEvent
from trading.selectors.differences import Kind, differences_of
from trading.services import reconciliation
from trading.services.sweeping import sweep_executions

pytestmark = pytest.mark.django_db

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
SHALLOW = (book("a", "99.9", "100"), book("b", "100.1", "100.2"))  # the second leg's price has gone


@pytest.fixture(autouse=True)
def own_stop_file(settings, tmp_path):
    settings.ARB = replace(settings.ARB, stop_file=tmp_path / "STOP")


def restored(line: Line) -> None:
    """Let the scope be as a restore leaves it."""
    require_reconciliation(line.scope, reason="restored", actor="ann", now=from_ns(line.clock.now_ns()))


def reconcile(line: Line, **changes) -> reconciliation.Comparison:
    return reconciliation.reconcile(line.scope, venues=line.venues, clock=line.clock, **changes)


def gate() -> Gate:
    return Gate.objects.in_scope(SIM).get()


def sends() -> int:
    return StateEvent.objects.filter(event=LegEvent.SEND).count()


def half_open(line: Line) -> Execution:
    """Return an execution whose first leg is filled and whose second was not: closing orders are due."""
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(*SHALLOW)
    return execution


def settled(line: Line) -> None:
    line.run(line.open(*CROSSED).pk)


def test_rows_that_agree_are_clean_and_the_comparison_is_stored(line):
    settled(line)
    found = reconcile(line)
    assert (found.is_clean, found.differences, found.executions_open) == (True, (), ())
    assert Reconciliation.objects.in_scope(SIM).get().differences == 0
    assert gate().state == GateState.ACTIVE


def test_what_is_under_way_is_listed_and_no_difference(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    found = reconcile(line)
    assert found.is_clean
    assert (len(found.orders_unknown), len(found.executions_open)) == (2, 1)


def spoil_order():
    Order.objects.filter(pk=Order.objects.first().pk).update(filled_quantity=Decimal("0.001"))


def spoil_balance():
    Balance.objects.filter(asset="USD", venue="a").update(amount=7)


def spoil_reservation():
    Reservation.objects.update(released_at=None)


def spoil_state():
    Order.objects.filter(pk=Order.objects.first().pk).update(state=LegState.PREPARED)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (spoil_order, Kind.ORDER_OFF_ITS_FILLS),
        (spoil_balance, Kind.BALANCE_OFF_ITS_LEDGER),
        (spoil_reservation, Kind.RESERVATION_HELD_FOR_NOTHING),
        (spoil_state, Kind.ORDER_OPEN_AFTER_THE_END),
    ],
)
def test_each_disagreement_is_found_told_and_stored_with_its_figures(line, spoil, kind):
    settled(line)
    spoil()
    found = reconcile(line)
    assert {one.kind for one in found.differences} == {kind}
    assert not found.is_clean
    assert Alert.objects.in_scope(SIM).get().title == "Our rows disagree"
    stored = Reconciliation.objects.in_scope(SIM).get()
    assert stored.detail == [str(found.differences[0])]
    assert "against" in stored.detail[0]


def test_executions_of_long_ago_are_left_out_of_the_minutely_look_and_not_of_a_whole_one(line):
    settled(line)
    spoil_order()
    line.clock.advance(3 * 24 * 3600 * 1000)
    assert reconcile(line).is_clean
    assert not reconcile(line, actor="ann").is_clean
    assert not reconciliation.compare(SIM, whole=True, clock=line.clock).is_clean


def test_an_opening_order_is_not_sent_before_reconciliation_nor_after_it_without_a_person(line):
    execution = line.open(*CROSSED)
    restored(line)
    line.step(execution.pk)
    line.step(execution.pk)
    assert sends() == 0
    assert set(Order.objects.values_list("state", flat=True)) == {LegState.PREPARED}

    assert reconcile(line).is_released
    assert gate().state == GateState.HALTED
    line.step(execution.pk)
    assert sends() == 0
    assert set(Order.objects.values_list("reason", flat=True)) == {"halted"}
    execution.refresh_from_db()
    assert execution.state == "settled"


def test_a_closing_order_waits_for_reconciliation_too_and_is_then_sent_once(line):
    execution = half_open(line)
    restored(line)
    before = sends()
    for _ in range(4):  # more often than an unwinding may be tried
        line.step(execution.pk)
    unwinding = Order.objects.get(role=Order.Role.UNWIND)
    assert (sends(), unwinding.state) == (before, LegState.PREPARED)

    assert reconcile(line).is_released
    line.step(execution.pk)
    unwinding.refresh_from_db()
    assert (sends(), unwinding.state) == (before + 1, LegState.OPEN)


def test_an_order_that_was_on_its_way_is_asked_about_and_nothing_is_freed_before_it_is_known(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    Order.objects.update(state=LegState.SENDING)  # the dump was taken between the commit and the answer
    restored(line)
    found = reconcile(line)
    assert (found.is_released, len(found.orders_unknown), gate().state) == (False, 2, GateState.UNRECONCILED)
    line.clock.advance(250)
    line.observe()
    assert reconcile(line).is_released
    execution.refresh_from_db()
    assert execution.state == "settled"
    assert sends() == 2  # both from before the restore


def test_differences_keep_a_restored_scope_from_sending(line):
    settled(line)
    spoil_balance()
    restored(line)
    found = reconcile(line)
    assert (found.is_waiting, found.is_released) == (True, False)
    assert (gate().state, gate().reason) == (GateState.UNRECONCILED, "restored")


def test_neither_a_halt_nor_a_resume_loosens_what_waits_to_be_reconciled(line):
    settled(line)
    restored(line)
    now = from_ns(line.clock.now_ns())
    halt(reason="odd", actor="ann", now=now, scopes=(SIM,))
    assert gate().state == GateState.UNRECONCILED
    with pytest.raises(Refused, match=r"manage\.py reconcile"):
        resume(reason="go", actor="ann", now=now, scopes=(SIM,))
    with transaction.atomic():
        refusal = may_send(scope=SIM, opening=False, reservation_id=None, now=now)
    assert refusal is not None
    assert (refusal.reason, refusal.detail, refusal.is_hold) == ("unreconciled", "restored", True)


def test_a_person_who_reconciles_is_on_record(line):
    settled(line)
    restored(line)
    reconcile(line, actor="ann", reason="looked at each")
    assert gate().reason == "looked at each"
    deed = OperatorAction.objects.in_scope(SIM).get(action="reconcile")
    assert (deed.actor, deed.reason) == ("ann", "looked at each")


def test_every_scope_of_the_mode_that_waits_is_reconciled(line):
    restored(line)
    configured = replace(SIM, run_id=None)
    assert reconciliation.scopes_of(configured) == [configured, SIM]


def test_the_sweeper_brings_workers_to_what_was_held(line):
    execution = line.open(*CROSSED)
    restored(line)
    line.step(execution.pk)
    line.clock.advance(10_000)
    assert sweep_executions(SIM, clock=line.clock, dispatch=line.dispatch) == 1
    assert differences_of(SIM) == []
