"""The recorder, with a real writer and a real database."""

import threading
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, OperationalError

from domain.scope import Mode
from domain.timestamps import NS_PER_S, from_ns
from tests.fakes import MS, NOW_NS, SIM, book
from tests.trading.services.recording.test_terms import terms
from trading.models import RecordedHour, RecordedPage, Recording
from trading.services.recording import recorder as module
from trading.services.recording.pages import Seen
from trading.services.recording.recorder import PAGE_EVERY_NS, SIGN_OF_LIFE_NS, Recorder
from trading.services.recording.source import connect_to, looks, recordings
from trading.services.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_NS = 3_600 * NS_PER_S
PATIENCE_S = 60


class Gate:
    """Lets the writer through, or holds it up as a database that is away does."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.is_open.set()

    def wait(self) -> None:
        assert self.is_open.wait(PATIENCE_S)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def writer():
    writer = Writer(capacity=4)
    writer.start()
    yield writer
    writer.stop(timeout_s=PATIENCE_S)


def recorder_on(writer: Writer, **options) -> Recorder:
    recorder = Recorder(SIM, process="collect", terms=terms(), writer=writer, **options)
    recorder.begin(NOW_NS)
    return recorder


def books(count: int, *, venue: str = "a", begin_ns: int = NOW_NS, every_ns: int = MS):
    for number in range(count):
        at_ns = begin_ns + number * every_ns
        yield at_ns, book(venue, "99.90", f"100.{number:04}0", at_ns=at_ns, seq=number + 1)


def drained(writer: Writer) -> None:
    """Wait until the writer has done what it was given."""
    done = threading.Event()
    assert writer.offer("drained", done.set, wait_s=PATIENCE_S)
    assert done.wait(PATIENCE_S)


def stored() -> list[str]:
    with connect_to(Mode.SIM) as source:
        return [repr(seen) for info in recordings(source, mode=Mode.SIM) for seen in looks(source, info)]


def test_what_is_recorded_is_read_back_digit_for_digit_with_its_terms_counts_and_hours(writer):
    recorder = recorder_on(writer)
    given = [*books(30), *books(20, venue="b", begin_ns=NOW_NS + 40 * MS)]
    for at_ns, one in given:
        recorder.add(at_ns, one)
    recorder.finish(NOW_NS + NS_PER_S)
    drained(writer)
    assert stored() == [repr(Seen(at_ns, one)) for at_ns, one in given]
    row = Recording.objects.get()
    assert (row.process, row.updates, row.lost, row.pages) == ("collect", 50, 0, 1)
    assert (row.started_at, row.ended_at) == (from_ns(NOW_NS), from_ns(NOW_NS + NS_PER_S))
    assert row.terms == terms().to_json()
    assert dict(RecordedHour.objects.values_list("venue", "updates")) == {"a": 30, "b": 20}
    told = recorder.recorded()
    assert (told.seen, told.written, told.lost, told.waiting, told.pages) == (50, 50, 0, 0, 1)
    assert told.size == len(RecordedPage.objects.get().payload)


def test_a_page_goes_out_before_two_seconds_are_over_and_at_the_turn_of_the_hour(writer):
    recorder = recorder_on(writer)
    (first,), (second,), (third,) = (list(books(1, begin_ns=NOW_NS + at)) for at in (0, PAGE_EVERY_NS, HOUR_NS))
    recorder.add(*first)
    recorder.tick(NOW_NS + PAGE_EVERY_NS - 1)
    recorder.tick(NOW_NS + PAGE_EVERY_NS)
    recorder.add(*second)
    recorder.add(*third)
    recorder.finish(third[0])
    drained(writer)
    assert PAGE_EVERY_NS < 2 * NS_PER_S
    assert list(RecordedPage.objects.values_list("number", "updates")) == [(0, 1), (1, 1), (2, 1)]
    assert RecordedHour.objects.count() == 2


def test_a_page_whose_commit_was_not_answered_is_written_once(writer, monkeypatch):
    recorder, attempts = recorder_on(writer), []
    store = module._store

    def breaks_after_the_commit(*args, **kwargs):
        size = store(*args, **kwargs)
        attempts.append(size)
        if len(attempts) == 1:
            raise OperationalError("server closed the connection")
        return size

    monkeypatch.setattr(module, "_store", breaks_after_the_commit)
    for at_ns, one in books(5):
        recorder.add(at_ns, one)
    recorder.finish(NOW_NS + NS_PER_S)
    drained(writer)
    assert len(attempts) == 2
    assert Recording.objects.get().updates == RecordedHour.objects.get().updates == 5
    assert recorder.recorded().pages == RecordedPage.objects.count() == 1


def test_pages_that_a_full_writer_does_not_take_wait_and_none_is_lost(writer, gate):
    recorder = recorder_on(writer)
    drained(writer)
    gate.is_open.clear()
    writer.submit("away", gate.wait)
    given = list(books(20, every_ns=PAGE_EVERY_NS))
    for at_ns, one in given:  # a page each, into a queue of four
        recorder.add(at_ns, one)
        recorder.tick(at_ns + PAGE_EVERY_NS)
    assert recorder.recorded().waiting == 20
    gate.is_open.set()
    recorder.finish(given[-1][0] + NS_PER_S)
    drained(writer)
    assert len(stored()) == 20
    assert (recorder.recorded().lost, writer.counts["dropped"]) == (0, 0)


def test_a_recording_that_a_full_writer_does_not_take_ends_in_the_time_allowed(monkeypatch):
    class Deaf:
        now_s, waited = 0.0, []

        def offer(self, name, job, *, ahead, wait_s=0.0):
            self.waited.append(wait_s)
            self.now_s += wait_s
            return False

    deaf = Deaf()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: deaf.now_s))
    recorder = recorder_on(deaf)
    for at_ns, one in books(3):
        recorder.add(at_ns, one)
    recorder.finish(NOW_NS + NS_PER_S)
    assert sum(deaf.waited) == module.FINISH_WITHIN_S
    assert recorder.recorded().lost == 3


def test_a_recording_that_a_full_writer_could_not_open_is_opened_with_its_first_page(writer, gate):
    gate.is_open.clear()
    writer.submit("away", gate.wait)
    while writer.offer("page", gate.wait, ahead=True):
        pass
    recorder = recorder_on(writer)
    for at_ns, one in books(5):
        recorder.add(at_ns, one)
    gate.is_open.set()
    recorder.finish(NOW_NS + NS_PER_S)
    drained(writer)
    assert len(stored()) == 5
    assert (recorder.recorded().written, Recording.objects.get().ended_at) == (5, from_ns(NOW_NS + NS_PER_S))


def test_books_of_a_recording_that_was_deleted_meanwhile_are_lost_and_not_told_as_written(writer):
    recorder = recorder_on(writer)
    drained(writer)
    Recording.objects.all().delete()
    for at_ns, one in books(5):
        recorder.add(at_ns, one)
    recorder.finish(NOW_NS + NS_PER_S)
    drained(writer)
    told = recorder.recorded()
    assert (told.seen, told.written, told.lost, writer.counts["failed"]) == (5, 0, 5, 1)


def test_what_comes_while_too_much_waits_is_counted_as_lost_and_the_rest_is_sound(writer, gate):
    recorder = recorder_on(writer, most_bytes=2_000)
    drained(writer)
    gate.is_open.clear()
    writer.submit("away", gate.wait)
    given = list(books(400))
    for at_ns, one in given:
        recorder.add(at_ns, one)
        recorder.tick(at_ns)
    lost = recorder.recorded().lost
    assert 300 < lost < 400
    gate.is_open.set()
    drained(writer)
    end_ns = given[-1][0] + PAGE_EVERY_NS
    recorder.tick(end_ns)
    drained(writer)
    recorder.tick(end_ns)
    (again,) = books(1, begin_ns=end_ns)
    recorder.add(*again)
    recorder.finish(end_ns)
    drained(writer)
    assert (recorder.recorded().lost, recorder.recorded().written) == (lost, 401 - lost)
    assert Recording.objects.get().lost == lost
    kept = [*given[: 400 - lost], again]
    assert stored() == [repr(Seen(at_ns, one)) for at_ns, one in kept]


def test_books_of_a_page_that_the_database_will_not_take_are_lost_and_the_next_page_is_written(writer, monkeypatch):
    recorder, store = recorder_on(writer), module._store
    refusals = [IntegrityError("a constraint says no")]

    def refuses_once(*args, **kwargs):
        if refusals:
            raise refusals.pop()
        return store(*args, **kwargs)

    monkeypatch.setattr(module, "_store", refuses_once)
    for at_ns, one in books(2, every_ns=PAGE_EVERY_NS):
        recorder.add(at_ns, one)
        recorder.tick(at_ns + PAGE_EVERY_NS)
    recorder.finish(NOW_NS + 3 * PAGE_EVERY_NS)
    drained(writer)
    assert (recorder.recorded().written, recorder.recorded().lost) == (1, 1)
    assert list(RecordedPage.objects.values_list("number", flat=True)) == [0]
    assert Recording.objects.get().lost == 1


def test_a_recording_shows_that_it_lives_while_no_book_comes(writer):
    recorder = recorder_on(writer)
    recorder.tick(NOW_NS + SIGN_OF_LIFE_NS)
    drained(writer)
    row = Recording.objects.get()
    assert (row.heartbeat_at, row.ended_at) == (from_ns(NOW_NS + SIGN_OF_LIFE_NS), None)
