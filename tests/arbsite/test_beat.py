"""Beat: one at a time, with a sign of life, and through a database that goes away."""

import threading

import pytest
from django.db import OperationalError, connection

from arbsite.beat import STANDBY_S, OneBeat
from arbsite.celery import app
from domain.scope import Mode, Scope
from ops.models import Canary
from ops.services import canaries
from tests.sessions import in_another_session

pytestmark = pytest.mark.django_db(transaction=True)
SIM = Scope(Mode.SIM)


@pytest.fixture
def beat():
    """Return a beat that has nothing to send."""
    from django_celery_beat.models import PeriodicTask

    PeriodicTask.objects.update(enabled=False)
    yield OneBeat(app=app, lazy=True)
    connection.close()  # which lets its lock go


def test_a_tick_leaves_a_sign_of_life(beat):
    beat.tick()
    assert Canary.objects.get(queue=canaries.BEAT).consumed == 1


def test_a_second_beat_stands_by_until_the_first_is_gone(beat):
    beat.tick()
    assert in_another_session(lambda: OneBeat(app=app, lazy=True).tick()) == STANDBY_S
    assert Canary.objects.get(queue=canaries.BEAT).consumed == 1
    connection.close()
    assert in_another_session(lambda: OneBeat(app=app, lazy=True).tick()) != STANDBY_S


def test_it_takes_its_lock_again_after_its_session_was_lost(beat):
    beat.tick()
    connection.close()
    beat.tick()
    assert in_another_session(lambda: OneBeat(app=app, lazy=True).tick()) == STANDBY_S


def test_a_database_that_is_away_is_waited_for(beat, monkeypatch):
    def fail() -> None:
        raise OperationalError("the server is away")

    monkeypatch.setattr(connection, "ensure_connection", fail)
    assert beat.tick() == STANDBY_S
    monkeypatch.undo()
    beat.tick()
    assert Canary.objects.filter(queue=canaries.BEAT).exists()


def test_what_was_sent_is_stored_though_a_signal_comes_amid_a_question(beat, monkeypatch):
    beat.tick()
    stored = []
    monkeypatch.setattr(beat, "sync", lambda: stored.append(Canary.objects.count()))
    with connection.connection.lock:  # as whoever asks holds it
        beat.close()
    assert stored == [1]


def test_an_end_waits_for_no_database_that_never_answers(beat, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr("arbsite.beat.STORE_WITHIN_S", 0.01)
    monkeypatch.setattr(beat, "sync", lambda: answered.wait(10))
    beat.close()
    assert not answered.is_set()
    answered.set()


def test_the_schedule_gains_no_entry_of_its_own(beat):
    from django_celery_beat.models import PeriodicTask

    assert len(beat.schedule) == 0  # which stores what the scheduler would add
    beat.setup_schedule()
    assert not PeriodicTask.objects.filter(task__startswith="celery.").exists()
