"""The way through the dates: from years to hours, never further than the rows reach."""

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from ops.admin_drill import drill_of
from ops.models import Outbox

pytestmark = pytest.mark.django_db
COLUMN = "created_at"


def listed(**params):
    def get_query_string(new, remove):
        return f"?{urlencode(new)}"

    return SimpleNamespace(
        params={f"{COLUMN}__{name}": str(value) for name, value in params.items()}, get_query_string=get_query_string
    )


def drilled(*instants: datetime, **params):
    for number, at in enumerate(instants, start=1):
        Outbox.objects.create(mode="sim", kind="k", row_id=number, created_at=at)
    return drill_of(listed(**params), COLUMN, Outbox.objects.all())


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
    assert titles(drilled(at(11, 29), year=2026, month=11).inside)[-1] == "29 November"


def test_a_month_shows_its_days_and_a_day_its_hours():
    found = drilled(at(10, 30), at(11, 2), year=2026, month=10)
    assert titles(found.path) == ["All dates", "2026", "October 2026"]
    assert titles(found.inside) == ["30 October", "31 October"]
    day = drilled(at(11, 2, 22), year=2026, month=11, day=2)
    assert [step.title for step in day.inside][-1] == "22:00"
    assert f"{COLUMN}__gte=2026-11-02T22%3A00Z" in day.inside[-1].address


def test_an_hour_is_the_end_of_the_way():
    found = drilled(at(11, 2, 5), gte="2026-11-02T05:00Z", lt="2026-11-02T06:00Z")
    assert titles(found.path)[-1] == "05:00"
    assert found.path[-1].is_shown
    assert found.inside == ()


def test_a_time_without_rows_holds_nothing():
    assert drilled(at(11, 2), year=2025).inside == ()


def test_nonsense_leads_nowhere():
    assert drilled(at(11, 2), gte="soon").path == ()
