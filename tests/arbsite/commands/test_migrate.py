"""``manage.py migrate``: one at a time, and again where another session held what it needs."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from arbsite.management.commands import migrate
from arbsite.setup.schema import connect_beside, one_migration_at_a_time
from domain.errors import Unreachable

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = """
SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'
"""


@pytest.fixture
def beside() -> Iterator[psycopg.Connection]:
    """Return another session on the test database."""
    with connect_beside(settings.ARB.database, name=connection.settings_dict["NAME"]) as session:
        yield session


def until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    end_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.02)


def migrated(*words: str) -> str:
    out = StringIO()
    try:
        call_command("migrate", *words, stdout=out)
    finally:
        connection.close()
    return out.getvalue()


def test_a_second_one_waits_and_finds_nothing_to_do(beside):
    with ThreadPoolExecutor(1) as pool:
        with one_migration_at_a_time(connection):
            second = pool.submit(migrated)
            until(lambda: beside.execute(WAITING).fetchone() is not None)
            assert "No planned" in migrated("--plan")  # who only looks waits for nobody
        assert "No migrations to apply" in second.result()


def impatient() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")


def test_where_another_session_was_in_the_way_it_tries_again(beside, monkeypatch):
    pauses = []

    def let_go(seconds):
        pauses.append(seconds)
        beside.execute("ROLLBACK")

    monkeypatch.setattr(migrate.time, "sleep", let_go)
    impatient()
    beside.execute("BEGIN")
    beside.execute("LOCK TABLE django_migrations")
    assert "No migrations to apply" in migrated()
    assert len(pauses) == 1


def test_where_others_stay_in_the_way_it_says_so(beside, monkeypatch):
    monkeypatch.setattr(migrate, "_PAUSE_S", 0)
    impatient()
    with beside.transaction():
        beside.execute("LOCK TABLE django_migrations")
        with pytest.raises(
            Unreachable, match=r"in the way of a migration 5 times \(.*lock timeout\): run it again later"
        ):
            migrated()
