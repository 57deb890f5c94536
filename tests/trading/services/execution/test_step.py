"""An execution is stepped by whoever comes by, as often as they like, and interrupted wherever it hurts."""

import threading
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from django.conf import settings
from django.db import connection

from domain.errors import ArbError, OutcomeUnknown, Refused, Unreachable
from domain.execution import ExecutionState, LegState
from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from tests.fakes import SIM, FixedClock, book
from trading.dispatch import EXECUTION_STEP, InlineDispatch
from trading.models import Execution, Fill, Order
from trading.services import execution
from trading.services.sweeping import sweep_executions
from trading.venues.base import Ack, NotYetKnown, ProvenAbsent

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


class Killed(BaseException):
    """The process died here."""


@dataclass
class Scripted:
    """A venue that counts what it is sent and fails as told; whatever it took is found afterwards by its paper twin."""

    paper: object
    on_place: BaseException | None = None
    takes: bool = True
    placed: Counter = field(default_factory=Counter)

    def place(self, order):
        if self.takes:
            self.placed[order.client_id] += 1
        if self.on_place is not None:
            raise self.on_place
        return Ack(order.client_id)

    def find(self, client_id, since=None):
        if self.placed[client_id]:
            return self.paper.find(client_id, since)
        return ProvenAbsent()


@pytest.fixture
def opened(line):
    return line.open(*CROSSED)


def scripted(line, **script):
    line.venues = {name: Scripted(paper, **script) for name, paper in line.venues.items()}
    return line.venues


def sent(line):
    return sum((venue.placed for venue in line.venues.values()), Counter())


def finish(line, opened):
    line.clock.advance(250)
    line.observe()
    return line.step(opened.pk)


def test_a_message_about_an_execution_that_is_gone_is_noted_and_sends_nothing(opened, line, caplog):
    venues = scripted(line)
    gone = opened.pk + 1_000_000
    assert execution.step(gone, venues=venues, clock=line.clock) is None
    assert not any(venue.placed for venue in venues.values())
    assert "execution_is_gone" in caplog.text
    assert str(gone) in caplog.text


def test_a_process_killed_while_sending_never_sends_again_but_asks(line, opened):
    venues = scripted(line, on_place=Killed())
    with pytest.raises(Killed):
        line.step(opened.pk)
    assert {order.state for order in opened.orders.all()} == {LegState.SENDING}
    for venue in venues.values():
        venue.on_place = None
    assert finish(line, opened) == ExecutionState.SETTLED
    assert set(sent(line).values()) == {1}
    assert Fill.objects.count() == 2


def test_a_process_killed_before_the_venue_had_anything_ends_with_nothing_executed(line, opened):
    venues = scripted(line, on_place=Killed(), takes=False)
    with pytest.raises(Killed):
        line.step(opened.pk)
    for venue in venues.values():
        venue.on_place, venue.takes = None, True
    assert finish(line, opened) == ExecutionState.SETTLED
    assert sent(line) == Counter()
    assert {order.state for order in opened.orders.all()} == {LegState.ABANDONED}


@pytest.mark.parametrize("silence", [OutcomeUnknown("504"), Unreachable("connection reset")])
def test_an_order_that_was_taken_but_not_answered_is_found_and_booked_once(line, opened, silence):
    scripted(line, on_place=silence)
    assert line.step(opened.pk) == ExecutionState.RUNNING
    assert {order.state for order in opened.orders.all()} == {LegState.CHECKING}
    assert finish(line, opened) == ExecutionState.SETTLED
    assert set(sent(line).values()) == {1}


def test_a_definite_no_is_not_asked_about_and_the_other_leg_is_unwound(line, opened):
    line.venues["b"] = Scripted(line.venues["b"], on_place=Refused("EOrder:Insufficient funds"), takes=False)
    line.step(opened.pk)
    assert finish(line, opened) == ExecutionState.UNWINDING
    assert Order.objects.get(leg=1).reason == "EOrder:Insufficient funds"
    assert finish(line, opened) == ExecutionState.UNWOUND


def test_an_order_that_is_not_known_yet_is_waited_for(line, opened):
    class Slow(Scripted):
        def find(self, client_id, since=None):
            return NotYetKnown()

    line.venues = {name: Slow(paper) for name, paper in line.venues.items()}
    assert line.step(opened.pk) == ExecutionState.RUNNING
    line.clock.advance(60_000)
    assert line.step(opened.pk) == ExecutionState.RUNNING
    opened.refresh_from_db()
    assert opened.due_at > from_ns(line.clock.now_ns())


def test_an_order_not_begun_in_time_is_given_up(line, opened):
    class Late(FixedClock):
        def now_ns(self):
            self.advance(600)
            return super().now_ns()

    line.clock = Late()
    line.step(opened.pk)
    assert {order.reason for order in opened.orders.all()} == {"not_begun_in_time"}


def test_the_stop_file_stops_an_order_whose_sending_was_committed(line, opened, monkeypatch):
    scripted(line)
    answers = iter([False, True, True])
    monkeypatch.setattr("trading.services.execution.sending.stop_file_present", lambda: next(answers))
    line.step(opened.pk)
    assert sorted(order.reason for order in opened.orders.all()) in (["", "stop_file"], ["stop_file", "stop_file"])
    assert sum(sent(line).values()) <= 1


def test_a_crash_of_our_own_is_not_mistaken_for_a_venue_failing(line, opened):
    scripted(line, on_place=ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        line.step(opened.pk)
    assert not issubclass(ValueError, ArbError)
    assert finish(line, opened) == ExecutionState.SETTLED


def test_what_nobody_came_back_to_is_handed_on_by_the_sweeper_once(line, opened):
    line.clock.advance(10_000)
    handed = InlineDispatch()
    assert sweep_executions(SIM, clock=line.clock, dispatch=handed) == 1
    assert sweep_executions(SIM, clock=line.clock, dispatch=handed) == 0
    assert handed.drain() == [(EXECUTION_STEP, opened.pk)]


def test_an_ended_execution_is_never_swept(line, opened):
    line.run(opened.pk)
    line.clock.advance(3_600_000)
    assert sweep_executions(SIM, clock=line.clock, dispatch=InlineDispatch()) == 0


@pytest.mark.django_db(transaction=True)
def test_ten_workers_with_the_same_message_send_each_order_once(transactional_db):
    from tests.trading.services.conftest import Line

    line = Line()
    opened = line.open(*CROSSED)
    scripted(line)
    barrier = threading.Barrier(10)

    def work():
        barrier.wait()
        try:
            execution.step(opened.pk, venues=line.venues, clock=line.clock)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(sent(line).values()) == {1}
    assert len(sent(line)) == 2
    assert Execution.objects.get().state == ExecutionState.RUNNING


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DRY_RUN])
def test_a_message_about_an_execution_of_another_mode_does_nothing(line, opened, settings, mode, caplog):
    settings.ARB = replace(settings.ARB, scope=Scope(mode))
    scripted(line)
    assert line.step(opened.pk) == ExecutionState.RESERVED
    assert not sent(line)
    assert "execution_of_another_mode" in caplog.text


def test_settings_hold_the_time_in_which_an_order_must_begin():
    assert settings.ARB.trading.not_sent_after_ms == 500
