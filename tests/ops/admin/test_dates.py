"""The way through the dates: from years to hours, never further than the rows reach."""

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from ops.admin.dates import drill_of
from ops.models import Outbox

pytestmark = pytest.mark.django_db
COLUMN = "created_at"


def listed(params):
    return SimpleNamespace(params=params, get_query_string=lambda new, remove: f"?{urlencode(new)}")


def drilled(*instants: datetime, since: str = "", until: str = ""):
    for number, at in enumerate(instants, start=1):
        Outbox.objects.create(mode="sim", kind="k", row_id=number, created_at=at)
    asked = {f"{COLUMN}__gte": f"{since}Z", f"{COLUMN}__lt": f"{until}Z"} if since else {}
    return drill_of(listed(asked), COLUMN, Outbox.objects.all())


def titles(steps) -> list[str]:
    return [step.title for step in steps]


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, 30, tzinfo=UTC)


def test_without_rows_there_is_no_way():
    assert drilled() is None


def test_it_begins_with_the_years_that_there_are():
    found = drilled(at(11, 5, year=2024), at(2, 1))
    assert (found.path, titles(found.inside)) == ((), ["2024", "2025", "2026"])


def test_what_all_rows_have_in_common_is_not_asked_for():
    assert titles(drilled(at(10, 5), at(11, 6)).inside) == ["October 2026", "November 2026"]
    assert titles(drilled(at(11, 29), since="2026-11-01T00:00", until="2026-12-01T00:00").inside)[-1] == "29 November"


def test_a_month_shows_its_days_and_a_day_its_hours():
    found = drilled(at(10, 30), at(11, 2), since="2026-10-01T00:00", until="2026-11-01T00:00")
    assert titles(found.path) == ["All dates", "2026", "October 2026"]
    assert titles(found.inside) == ["30 October", "31 October"]
    day = drilled(at(11, 2, 22), since="2026-11-02T00:00", until="2026-11-03T00:00")
    assert [step.title for step in day.inside][-1] == "22:00"
    assert f"{COLUMN}__gte=2026-11-02T22%3A00Z" in day.inside[-1].address


def test_an_hour_is_the_end_of_the_way():
    found = drilled(at(11, 2, 5), since="2026-11-02T05:00", until="2026-11-02T06:00")
    assert titles(found.path)[-1] == "05:00"
    assert found.path[-1].is_shown
    assert found.inside == ()


def test_what_leaves_nothing_to_choose_is_not_shown():
    assert drilled(at(11, 2, 21), at(11, 2, 21)) is None


def test_days_lead_to_no_hours():
    rows = [Outbox(mode="sim", kind="k", row_id=number, created_at=at(11, 2, number)) for number in (3, 5)]
    Outbox.objects.bulk_create(rows)
    day = {f"{COLUMN}__gte": "2026-11-02T00:00Z", f"{COLUMN}__lt": "2026-11-03T00:00Z"}
    asked = drill_of(listed(day), COLUMN, Outbox.objects.all(), holds_days=True)
    assert (titles(asked.path)[-1], asked.inside) == ("2 November", ())
    assert drill_of(listed({}), COLUMN, Outbox.objects.all(), holds_days=True) is None


def test_a_time_without_rows_holds_nothing():
    assert drilled(at(11, 2), since="2025-01-01T00:00", until="2026-01-01T00:00").inside == ()
    assert drilled(since="2027-01-01T00:00", until="2028-01-01T00:00").inside == ()


@pytest.mark.parametrize(
    ("since", "until"),
    [("soon", "later"), ("2026-11-02T05:00", "2026-11-02T05:10"), ("9999-12-01T00:00", "9999-12-31T00:00")],
)
def test_what_is_no_year_month_day_or_hour_is_no_place_on_the_way(since, until):
    assert drilled(at(11, 2), at(11, 3), since=since, until=until).path == ()


def test_a_leap_year_and_a_december_end_where_the_next_begins():
    leap = drilled(at(2, 29, year=2024), at(12, 31, year=2024), since="2024-01-01T00:00", until="2025-01-01T00:00")
    assert titles(leap.path) == ["All dates", "2024"]
    assert "gte=2024-12-01T00%3A00Z" in leap.inside[-1].address
    assert "lt=2025-01-01T00%3A00Z" in leap.inside[-1].address
