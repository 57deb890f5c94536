import pytest
from django.db import OperationalError

from arbsite.demo.journal import Journal
from arbsite.demo.servers import ServerWatch, ask_database
from arbsite.demo.snapshot import Health


class Server:
    """A server whose answers are set."""

    def __init__(self) -> None:
        self.instance = "first"
        self.is_up = True

    def ask(self) -> str:
        if not self.is_up:
            raise OperationalError("the server closed the connection")
        return self.instance


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watch(server) -> ServerWatch:
    watch = ServerWatch("PostgreSQL", server.ask, Journal())
    watch.look()
    return watch


def texts(watch: ServerWatch) -> list[str]:
    return [line.text for line in watch.journal.lines()]


def test_a_server_that_answers_is_not_news(watch):
    assert watch.look()
    assert watch.view().health is Health.UP
    assert texts(watch) == []


def test_an_outage_is_told_when_it_begins_and_when_it_ends(server, watch):
    server.is_up = False
    assert not watch.look()
    assert not watch.look()
    assert watch.view().health is Health.AWAY
    server.is_up = True
    assert watch.look()
    assert watch.view().health is Health.UP
    assert [text.split(" after")[0] for text in texts(watch)] == [
        "PostgreSQL is gone: no answer (OperationalError)",
        "PostgreSQL is back",
    ]


def test_a_restart_between_two_looks_is_told_too(server, watch):
    server.instance = "second"
    assert watch.look()
    assert "ended and was started again" in texts(watch)[0]
    assert len(watch.journal.disturbances) == 1


def test_the_database_names_the_same_start_each_time(db):
    assert ask_database() == ask_database()
