import psycopg
import pytest

from domain.errors import BadInput, Unreachable
from domain.scope import Mode
from domain.timestamps import NS_PER_S, from_ns
from tests.fakes import NOW_NS, SIM, book
from tests.trading.services.recording.test_terms import terms
from trading.models import RecordedPage, Recording
from trading.services.recording.pages import MalformedPageError, PageEncoder, Seen
from trading.services.recording.source import connect_to, how_to_record, looks, recordings

pytestmark = pytest.mark.django_db(transaction=True)


def seen_at(second: int) -> Seen:
    at_ns = NOW_NS + second * NS_PER_S
    return Seen(at_ns, book("a", "99.90", f"100.{second:02}0", at_ns=at_ns, seq=second + 1))


def record(*pages: tuple[Seen, ...], mode: Mode = Mode.SIM, ended: bool = True) -> Recording:
    started = from_ns(NOW_NS)
    recording = Recording.objects.create(
        mode=mode,
        process="collect",
        terms=terms().to_json(),
        started_at=started,
        heartbeat_at=started,
        ended_at=started if ended else None,
        updates=sum(map(len, pages)),
        pages=len(pages),
    )
    for number, page in enumerate(pages):
        encoder = PageEncoder()
        for at_ns, one in page:
            encoder.add(at_ns, one)
        encoded = encoder.take()
        RecordedPage.objects.create(
            **SIM.columns,
            recording=recording,
            number=number,
            first_at=from_ns(encoded.first_at_ns),
            last_at=from_ns(encoded.last_at_ns),
            updates=encoded.updates,
            payload=encoded.payload(),
        )
    return recording


@pytest.fixture
def source():
    with connect_to(Mode.SIM) as source:
        yield source


def test_a_recording_is_read_back_in_order_with_its_terms(source):
    row = record((seen_at(0), seen_at(1)), (seen_at(2),))
    (info,) = recordings(source, mode=Mode.SIM)
    assert (info.id, info.updates, info.pages, info.lost) == (row.pk, 3, 2, 0)
    assert (info.first_at, info.last_at) == (from_ns(NOW_NS), from_ns(NOW_NS + 2 * NS_PER_S))
    assert repr(info.terms) == repr(terms())
    assert list(map(repr, looks(source, info))) == [repr(seen_at(second)) for second in range(3)]


def test_more_pages_than_are_read_at_once_come_in_order(source):
    record(*((seen_at(second),) for second in range(20)))
    (info,) = recordings(source, mode=Mode.SIM)
    assert [one.at_ns for one in looks(source, info)] == [seen_at(second).at_ns for second in range(20)]


def test_a_span_takes_its_first_and_last_instant_and_nothing_beyond(source):
    record((seen_at(0), seen_at(1)), (seen_at(2), seen_at(3)), (seen_at(4),))
    span = {"first_ns": seen_at(1).at_ns, "last_ns": seen_at(3).at_ns}
    (info,) = recordings(source, mode=Mode.SIM, **span)
    assert [one.at_ns for one in looks(source, info, **span)] == [seen_at(second).at_ns for second in (1, 2, 3)]


def test_recordings_outside_the_span_or_of_another_mode_are_left_out(source):
    record((seen_at(0),))
    later = record((seen_at(60),))
    record()
    record((seen_at(60),), mode=Mode.DRY_RUN)
    found = recordings(source, mode=Mode.SIM, first_ns=NOW_NS + 30 * NS_PER_S)
    assert [info.id for info in found] == [later.pk]
    assert [info.first_at for info in recordings(source, mode=Mode.SIM)].count(None) == 1


def test_one_recording_is_found_by_its_id_and_an_unknown_id_is_named(source):
    record((seen_at(0),))
    wanted = record((seen_at(1),), ended=False)
    (info,) = recordings(source, mode=Mode.SIM, recording_id=wanted.pk)
    assert (info.id, info.ended_at) == (wanted.pk, None)
    with pytest.raises(BadInput, match="no recording 999999 in sim"):
        recordings(source, mode=Mode.SIM, recording_id=999_999)


def test_a_damaged_page_is_named(source):
    row = record((seen_at(0),), (seen_at(1),))
    RecordedPage.objects.filter(number=1).update(payload=b"\x01\x00")
    (info,) = recordings(source, mode=Mode.SIM)
    with pytest.raises(MalformedPageError, match=f"recording {row.pk}, page 1: "):
        list(looks(source, info))


def test_the_connection_can_change_nothing(source):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        source.execute("DELETE FROM recordings")


def test_a_mode_that_records_nothing_is_told_so():
    with pytest.raises(BadInput, match="nothing is recorded in replay"):
        connect_to(Mode.REPLAY)


def test_what_records_is_named_for_each_mode():
    assert how_to_record(Mode.DRY_RUN) == "run manage.py collect --mode dry_run"
    assert how_to_record(Mode.LIVE) == "run manage.py stream with ARB_RECORD=yes"  # collect is a dry run


def test_a_database_that_is_not_there_is_named():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading.services.recording.source._database_of", lambda mode: "arbsite_nowhere")
        with pytest.raises(Unreachable, match="arbsite_nowhere, where sim records, cannot be used"):
            connect_to(Mode.SIM)


def test_a_database_without_the_tables_is_told_what_makes_them():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading.services.recording.source._database_of", lambda mode: "template1")
        with pytest.raises(Unreachable, match="template1 holds no recordings yet: run manage"):
            connect_to(Mode.SIM)
