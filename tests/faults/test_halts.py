"""A halt that races admissions and sends: what is committed after it opens nothing."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from django.conf import settings as django_settings
from django.db import connection

from domain.execution import LegEvent, LegState
from domain.scope import Mode, Scope
from risk.models import Reservation
from risk.services import Admitted, Halted, admission, halt
from tests.faults.test_kills import crossed_at, end_episodes
from tests.risk.samples import ask
from tests.trading.services.conftest import Line
from trading.models import Execution, Order, StateEvent
from trading.services.execution import sending

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, EACH = 4, 3


@pytest.fixture(autouse=True)
def wide_limits(settings, tmp_path):
    """Let nothing but the halt stand in the way."""
    roomy = replace(settings.ARB.limits, max_open_executions=1000, max_exposure_usd=10**9, daily_loss_usd=10**9)
    patient = replace(settings.ARB.trading, max_book_age_ms=10**9)
    settings.ARB = replace(settings.ARB, limits=roomy, trading=patient, stop_file=tmp_path / "STOP")


@pytest.fixture
def row_alone(monkeypatch):
    """Hide the stop file: the gate's row alone must do."""
    for module in (admission, sending):
        monkeypatch.setattr(module, "stop_file_present", lambda: False)


def halt_now(scope: Scope) -> Halted:
    return halt(reason="race", actor="ann", now=datetime.now(UTC), scopes=(scope,), everywhere=False)


def side_by_side(work, count: int) -> list[threading.Thread]:
    """Start threads that begin together, with the caller."""
    ready = threading.Barrier(count + 1)

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    return threads


def opened(line: Line, count: int) -> list[int]:
    ids = []
    for seq in range(1, count + 1):
        line.clock.advance(10_000)
        ids.append(line.open(*crossed_at(line.clock.now_ns(), seq)).pk)
        end_episodes(line)
    return ids


def sends_of(scope: Scope) -> int:
    return StateEvent.objects.in_scope(scope).filter(event=LegEvent.SEND, order__role=Order.Role.OPEN).count()


@pytest.mark.parametrize("seed", range(4))
def test_no_opening_order_is_committed_as_sending_once_a_halt_is_committed(seed, row_alone):
    scope, rng = Scope(Mode.SIM, f"halt-{seed}"), Random(seed)
    line = Line(scope=scope)
    ids = opened(line, WORKERS * EACH)

    def step_mine(number: int) -> None:
        for execution_id in ids[number::WORKERS]:
            line.step(execution_id)

    with ExitStack() as joined:
        for thread in side_by_side(step_mine, WORKERS):
            joined.callback(thread.join)
        time.sleep(rng.random() * 0.3)
        assert not halt_now(scope).database_error
        sent_before = sends_of(scope)
    assert sends_of(scope) == sent_before
    halted = Order.objects.in_scope(scope).filter(state=LegState.REFUSED, reason="halted")
    assert sent_before + halted.count() == 2 * len(ids)
    assert not Execution.objects.in_scope(scope).filter(state="reserved").exists()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_admitted_once_a_halt_is_committed(seed, row_alone):
    scope, rng = Scope(Mode.SIM, f"halt-{seed}"), Random(seed)
    answers = []

    def ask_often(number: int) -> None:
        answers.extend(ask(1 + number * 10 + attempt, scope=scope) for attempt in range(10))

    with ExitStack() as joined:
        for thread in side_by_side(ask_often, WORKERS):
            joined.callback(thread.join)
        time.sleep(rng.random() * 0.3)
        assert not halt_now(scope).database_error
        admitted_before = Reservation.objects.in_scope(scope).count()
    assert Reservation.objects.in_scope(scope).count() == admitted_before
    assert sum(isinstance(answer, Admitted) for answer in answers) == admitted_before


def test_a_stepping_loop_sends_nothing_more_from_the_moment_the_stop_file_is_there():
    scope = Scope(Mode.SIM, "halt-file")
    line = Line(scope=scope)
    ids = opened(line, 6)
    for execution_id in ids[:3]:
        line.step(execution_id)
    django_settings.ARB.stop_file.touch()  # what ``halt`` does first, before it asks any server
    for execution_id in ids[3:]:
        line.step(execution_id)
    assert sends_of(scope) == 2 * 3
    django_settings.ARB.stop_file.unlink()
    assert isinstance(ask(10_000, scope=scope), Admitted)
