"""``ARB_TIMESCALE=required``: a server without it is refused, and nothing is written."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Self

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from arbsite import config
from arbsite.setup.schema import connect_beside, ensure_database, ensure_migrated
from arbsite.setup.timescale import require
from domain.errors import Refused
from ops.series import has_community_edition, timescale_enabled

ABSENT = "arbsite_test_without_timescale"


@pytest.fixture
def _required(monkeypatch):
    series = replace(settings.ARB.series, requires_timescale=True)
    monkeypatch.setattr(settings, "ARB", replace(settings.ARB, series=series))


class Server:
    """A database session that answers each question as it was told."""

    def __init__(self, **answers: bool) -> None:
        self.answers = answers
        self.answer = False

    def cursor(self) -> "Server":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def execute(self, sql: str, params: object = None) -> None:
        (name,) = (name for name in WORDS if WORDS[name] in sql)
        self.answer = self.answers.get(name, False)

    def fetchone(self) -> tuple[bool]:
        return (self.answer,)

    def fetchall(self) -> list[tuple[bool]]:
        return [self.fetchone()]


WORDS = {
    "enabled": "FROM pg_extension",
    "there": "FROM pg_available_extensions ",
    "allowed": "rolsuper",
    "community": "timescaledb.license",
    "tables": "to_regclass('",
    "series": "timescaledb_information",
}
SOUND = {"there": True, "allowed": True, "community": True}


@pytest.mark.usefixtures("_required")
@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "has no TimescaleDB: install it"),
        (SOUND | {"allowed": False}, "our role may not enable it in trading_db"),
        (SOUND | {"community": False}, "Apache edition"),
        (SOUND | {"tables": True}, "were made without TimescaleDB"),
        (SOUND | {"enabled": True, "tables": True}, "were made without TimescaleDB"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(answers, why):
    with pytest.raises(Refused, match=why) as refusal:
        require(Server(**answers), "trading_db")
    assert "or leave ARB_TIMESCALE out" in str(refusal.value)


@pytest.mark.usefixtures("_required")
@pytest.mark.parametrize("answers", [SOUND, SOUND | {"enabled": True, "tables": True, "series": True}])
def test_a_database_that_has_or_can_have_it_is_accepted(answers):
    require(Server(**answers), "trading_db")


def test_where_it_is_not_required_nothing_is_asked():
    require(SimpleNamespace(), "trading_db")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_required")
def test_our_own_server_is_judged_by_what_it_is():
    if has_community_edition(connection):
        assert ensure_migrated(applies=False) == 0
        return
    database = replace(config.current().database, name=ABSENT)
    for refused in (
        lambda: ensure_database(database),
        lambda: ensure_migrated(applies=False),
        lambda: call_command("migrate", verbosity=0),
    ):
        with pytest.raises(Refused, match="ARB_TIMESCALE is required"):
            refused()
    with connect_beside(database) as server:
        assert not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ABSENT]).fetchone()
    assert not timescale_enabled(connection)
