"""Databases and their schema: created where we may, refused in one sentence where we may not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import connection
from psycopg import sql

from arbsite import config
from arbsite.config import Database
from arbsite.setup.schema import (
    connect_beside,
    database_names,
    ensure_database,
    ensure_migrated,
    expected_migrations,
    using,
)
from domain.errors import Refused, Unreachable
from domain.secret import Secret

SLOT = config.current().redis_url.rpartition("/")[2]  # roles and databases are the whole server's, and other runs'
ROLE = f"arbsite_test_plain_role_{SLOT}"
ABSENT = f"arbsite_test_absent_{SLOT}"


@pytest.fixture
def database() -> Iterator[Database]:
    """Return our server, without the database of these tests before and after."""
    server = config.current().database
    _drop(server)
    yield server
    _drop(server)


def _drop(database: Database) -> None:
    with connect_beside(database) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(ABSENT)))
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)))


def test_an_absent_database_is_created_once(database):
    absent = replace(database, name=ABSENT)
    assert [ensure_database(absent), ensure_database(absent)] == [True, False]


def test_two_that_create_it_at_once_do_not_trip_over_each_other(database):
    absent = replace(database, name=ABSENT)
    start = Barrier(2)

    def create():
        start.wait()
        return ensure_database(absent)

    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(create) for _ in range(2)]
        assert sorted(one.result() for one in made) == [False, True]


def test_a_role_that_may_not_create_databases_is_told_so(database):
    with connect_beside(database) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'plain'").format(sql.Identifier(ROLE)))
    with pytest.raises(Refused, match=f"role {ROLE} may not create the database {ABSENT}"):
        ensure_database(replace(database, name=ABSENT, user=ROLE, password=Secret("plain")))


def test_a_wrong_password_is_one_sentence_without_it(database):
    with pytest.raises(Unreachable) as failure:
        ensure_database(replace(database, password=Secret("hunter2")))
    assert "hunter2" not in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.django_db
def test_a_migrated_database_lacks_nothing():
    assert ensure_migrated(applies=False) == 0
    assert ("contenttypes", "0001_initial") in expected_migrations()


@pytest.mark.django_db(transaction=True)
def test_a_schema_that_is_behind_is_said_to_be_where_it_is_not_ours(monkeypatch):
    missing = {("ops", "9999_tomorrow")}
    monkeypatch.setattr("arbsite.setup.schema.expected_migrations", lambda: missing)
    with pytest.raises(Unreachable, match="lacks 1 migrations"):
        ensure_migrated(applies=False)


def test_every_mode_has_its_database_beside_the_base(database):
    assert database_names(replace(database, base_name="trading_db")) == (
        "trading_db",
        "trading_db_replay",
        "trading_db_sim",
    )


@pytest.mark.django_db(transaction=True)
def test_django_uses_another_database_for_a_while():
    usual = connection.settings_dict["NAME"]
    with using("postgres"), connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("postgres",)
    assert connection.settings_dict["NAME"] == usual
