"""The publisher thread: quick, and back by itself after an outage."""

import os
import threading

import pytest

from domain.errors import Unreachable
from domain.scope import Mode, Scope
from ops.models import Outbox
from ops.services import outbox
from ops.services.publisher import Publisher
from tests.sessions import end_other_sessions

SIM = Scope(Mode.SIM)
PATIENCE_S = 60


@pytest.fixture
def start():
    started = []

    def start_publisher(send) -> Publisher:
        publisher = Publisher(send, scope=SIM)
        publisher.start()
        started.append(publisher)
        return publisher

    yield start_publisher
    for publisher in started:
        publisher.stop()


@pytest.mark.django_db(transaction=True)
def test_a_committed_row_is_published(start):
    arrived = threading.Event()
    start(lambda kind, row_id: arrived.set())
    outbox.enqueue("ops.notify", 1, scope=SIM)
    assert arrived.wait(PATIENCE_S)


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_once_the_broker_is_back_and_says_each_outage_once(start, caplog):
    failures = iter([Unreachable("away")] * 3)
    arrived = threading.Event()

    def send(kind: str, row_id: int) -> None:
        for failure in failures:
            raise failure
        arrived.set()

    publisher = start(send)
    outbox.enqueue("ops.notify", 1, scope=SIM)
    assert arrived.wait(PATIENCE_S)
    publisher.stop()
    assert Outbox.objects.get().attempts == 4
    assert sum("outbox_stands_still" in record.getMessage() for record in caplog.records) == 1
    assert sum("outbox_moves_again" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.django_db(transaction=True)
def test_it_listens_again_after_its_database_session_was_ended(start):
    arrived: dict[int, threading.Event] = {1: threading.Event(), 2: threading.Event()}
    start(lambda kind, row_id: arrived[row_id].set())
    outbox.enqueue("ops.notify", 1, scope=SIM)
    assert arrived[1].wait(PATIENCE_S)
    assert end_other_sessions() >= 1
    outbox.enqueue("ops.notify", 2, scope=SIM)
    assert arrived[2].wait(PATIENCE_S)


@pytest.mark.django_db(transaction=True)
def test_an_error_nobody_foresaw_does_not_end_the_thread(start):
    failures = iter([ZeroDivisionError("a fault of our own")])
    arrived = threading.Event()

    def send(kind: str, row_id: int) -> None:
        for failure in failures:
            raise failure
        arrived.set()

    start(send)
    outbox.enqueue("ops.notify", 1, scope=SIM)
    assert arrived.wait(PATIENCE_S)


@pytest.mark.django_db(transaction=True)
def test_a_forked_child_lets_the_database_session_go(start):
    arrived = threading.Event()
    publisher = start(lambda kind, row_id: arrived.set())
    outbox.enqueue("ops.notify", 1, scope=SIM)
    assert arrived.wait(PATIENCE_S)
    session = publisher._listening.fileno()
    child = os.fork()
    if child == 0:
        try:
            os.fstat(session)
        except OSError:
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not publisher._listening.closed
