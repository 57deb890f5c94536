"""A process that is killed while it records leaves a recording that reads well and lacks two seconds at most."""

import os
import signal
import threading
from itertools import count
from mmap import mmap

import pytest
from django.db import connection

from domain.scope import Mode
from domain.timestamps import NS_PER_S
from tests.fakes import MS, NOW_NS, SIM, book
from tests.sessions import other_sessions, wait_for_the_end_of
from tests.trading.services.recording.test_terms import terms
from trading.models import Recording
from trading.services.recording.recorder import PAGE_EVERY_NS, Recorder
from trading.services.recording.source import connect_to, looks, recordings
from trading.services.writer import Writer

STEP_NS = 10 * MS


def book_number(number: int):
    at_ns = NOW_NS + number * STEP_NS
    return at_ns, book("a", "99.90", f"100.{number:06}0", at_ns=at_ns, seq=number + 1)


def record_for_ever(told: mmap) -> None:
    """Record a book every 10 ms of a time that stands still while a page is written; tell the number of each."""
    try:
        writer = Writer()
        writer.start()
        recorder = Recorder(SIM, process="collect", terms=terms(), writer=writer)
        recorder.begin(NOW_NS)
        for number in count():
            at_ns, one = book_number(number)
            recorder.add(at_ns, one)
            recorder.tick(at_ns)
            told[:8] = number.to_bytes(8, "big")
            if (at_ns - NOW_NS) % PAGE_EVERY_NS == 0:
                written = threading.Event()
                writer.submit("written", written.set)
                written.wait()
    finally:
        os._exit(1)  # the tests after this one are the parent's


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("books", [700, 1_234])
def test_a_recording_that_was_killed_reads_well_and_lacks_two_seconds_at_most(books):
    beside = other_sessions()
    connection.close()  # the child must not inherit our session
    told = mmap(-1, 8)
    child = os.fork()
    if not child:
        record_for_ever(told)
    while int.from_bytes(told[:8], "big") < books:
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_for_the_end_of(*other_sessions() - beside)
    last = int.from_bytes(told[:8], "big")
    with connect_to(Mode.SIM) as source:
        (info,) = recordings(source, mode=Mode.SIM)
        seen = [(at_ns, repr(one)) for at_ns, one in looks(source, info)]
    assert seen == [(at_ns, repr(one)) for at_ns, one in map(book_number, range(len(seen)))]
    assert (last + 1 - len(seen)) * STEP_NS < 2 * NS_PER_S
    row = Recording.objects.get()
    assert (row.ended_at, row.updates, row.lost) == (None, len(seen), 0)
