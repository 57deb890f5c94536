import threading
from decimal import Inexact

import pytest
from django.db import IntegrityError, OperationalError

from domain.errors import BadInput, Unreachable
from trading.services.writer import Writer

PATIENCE_S = 60


@pytest.fixture
def writer():
    writer = Writer(capacity=3)
    writer.start()
    yield writer
    writer.stop(timeout_s=PATIENCE_S)


def test_jobs_run_in_order_and_are_counted(writer):
    done = []
    for number in range(3):
        assert writer.submit("job", lambda number=number: done.append(number))
    writer.stop(timeout_s=PATIENCE_S)
    assert (done, writer.counts["job"]) == ([0, 1, 2], 3)


@pytest.mark.parametrize("outage", [OperationalError("server closed the connection"), Unreachable("row was moved")])
def test_a_job_that_finds_no_database_is_tried_until_it_succeeds(writer, outage):
    attempts = []

    def job():
        attempts.append(1)
        if len(attempts) < 3:
            raise outage

    writer.submit("job", job)
    writer.stop(timeout_s=PATIENCE_S)
    assert (len(attempts), writer.counts["job"]) == (3, 1)


@pytest.mark.parametrize(
    "fault",
    [IntegrityError("a constraint says no"), Inexact("a digit would be lost"), BadInput("no rate"), KeyError("x")],
)
def test_a_row_that_cannot_be_written_is_given_up_and_the_next_job_runs(writer, fault):
    def bad():
        raise fault

    done = threading.Event()
    writer.submit("bad", bad)
    writer.submit("good", done.set)
    writer.stop(timeout_s=PATIENCE_S)
    assert done.is_set()
    assert (writer.counts["failed"], writer.counts["good"]) == (1, 1)


def test_a_full_queue_drops_and_counts_and_never_waits(writer):
    release = threading.Event()
    writer.submit("slow", lambda: release.wait(PATIENCE_S))
    taken = [writer.submit("next", lambda: None) for _ in range(6)]
    release.set()
    assert taken.count(False) == writer.counts["dropped"] >= 2


def test_a_writer_ends_though_the_database_stays_away_and_the_queue_is_full():
    def away():
        raise OperationalError("server closed the connection")

    writer = Writer(capacity=1)
    writer.start()
    writer.submit("first", away)
    while writer.submit("next", away):
        pass
    writer.stop(timeout_s=0.05)
    assert not writer.counts["first"] and not writer.counts["next"]


def test_an_end_takes_no_longer_than_was_allowed(monkeypatch):
    writer, joined = Writer(capacity=1), []
    writer.submit("first", lambda: None)  # nobody takes it up
    monkeypatch.setattr(writer._thread, "join", joined.append)
    writer.stop(timeout_s=0.1)
    assert joined == [0.0]


def test_a_job_ahead_passes_those_that_wait_even_where_no_other_finds_room(writer):
    done, release, begun = [], threading.Event(), threading.Event()
    writer.submit("slow", lambda: (begun.set(), release.wait(PATIENCE_S)))
    assert begun.wait(PATIENCE_S)
    while writer.offer("waits", lambda: done.append("waits")):
        pass
    for number in range(2):
        assert writer.offer("page", lambda number=number: done.append(number), ahead=True)
    release.set()
    writer.stop(timeout_s=PATIENCE_S)
    assert done == [0, 1, "waits", "waits", "waits"]
    assert writer.counts["dropped"] == 0


def test_an_idle_writer_wakes_for_a_job_ahead(writer):
    done = threading.Event()
    assert writer.offer("page", done.set, ahead=True)
    assert done.wait(PATIENCE_S)


def test_what_is_ahead_is_done_before_the_end(writer):
    done, release, begun = [], threading.Event(), threading.Event()
    writer.submit("slow", lambda: (begun.set(), release.wait(PATIENCE_S)))
    assert begun.wait(PATIENCE_S)
    stopping = threading.Thread(target=writer.stop, kwargs={"timeout_s": PATIENCE_S})
    stopping.start()
    assert writer.offer("page", lambda: done.append("page"), ahead=True)
    release.set()
    stopping.join()
    assert done == ["page"]
