from datetime import timedelta

import pytest

from domain.timestamps import NS_PER_S, from_ns
from tests.fakes import MS, NOW_NS, SIM, book
from trading.models import RecordedHour, RecordedPage, Recording
from trading.services.recording.coverage import coverage
from trading.services.recording.pages import PageEncoder

HOUR = timedelta(hours=1)
NOW = from_ns(NOW_NS)
THIS_HOUR = NOW.replace(minute=0, second=0, microsecond=0)


def recorded(venue: str, *hours_ago: int, updates: int = 5) -> None:
    for ago in hours_ago:
        RecordedHour.objects.create(**SIM.columns, hour=THIS_HOUR - ago * HOUR, venue=venue, updates=updates)


def page(number: int, *books) -> None:
    recording, _ = Recording.objects.get_or_create(
        **SIM.columns, process="collect", started_at=NOW, defaults={"heartbeat_at": NOW}
    )
    encoder = PageEncoder()
    for at_ns, one in books:
        encoder.add(at_ns, one)
    taken = encoder.take()
    RecordedPage.objects.create(
        **SIM.columns,
        recording=recording,
        number=number,
        first_at=from_ns(taken.first_at_ns),
        last_at=from_ns(taken.last_at_ns),
        updates=taken.updates,
        payload=taken.payload(),
    )


def test_the_share_is_of_the_clock_hours_that_the_span_touches(db):
    recorded("kraken", 0, 1, 3)
    recorded("alpaca", 1)
    recorded("alpaca", 30)
    found = {one.venue: one for one in coverage(SIM, NOW - 3 * HOUR, NOW)}
    assert (found["kraken"].hours_with_data, found["kraken"].hours, found["kraken"].share) == (3, 4, 0.75)
    assert (found["alpaca"].share, found["alpaca"].updates) == (0.25, 5)


def test_the_newest_book_is_told_exactly_from_the_latest_pages_else_by_its_hour(db):
    recorded("a", 0)
    recorded("b", 2)
    page(0, (NOW_NS, book("a", "99", "100")))
    page(1, (NOW_NS + MS, book("a", "99", "100")), (NOW_NS + 2 * MS, book("a", "99", "101", seq=2)))
    found = {one.venue: one.last_at for one in coverage(SIM, NOW - 3 * HOUR, from_ns(NOW_NS + NS_PER_S))}
    assert found == {"a": from_ns(NOW_NS + 2 * MS), "b": THIS_HOUR - 2 * HOUR}


def test_where_nothing_was_recorded_nothing_is_covered(db):
    assert coverage(SIM, NOW - HOUR, NOW) == ()


@pytest.mark.parametrize("venue", ["a", "b"])
def test_a_page_of_another_scope_tells_nothing(db, venue):
    recorded(venue, 5)
    page(0, (NOW_NS, book(venue, "99", "100")))
    RecordedPage.objects.update(run_id="another")
    (only,) = coverage(SIM, NOW - 6 * HOUR, NOW)
    assert only.last_at == THIS_HOUR - 5 * HOUR
