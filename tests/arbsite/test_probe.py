"""Probes: a process that does its work is told from one that is merely there, in a sentence and an exit code."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import redis
from django.db import connection

from arbsite import config, probe
from domain.secret import Secret
from ops.queues import BEAT
from ops.services import canaries
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def arb(settings, monkeypatch):
    """Return the settings as a process of this test's own database has them."""
    named = replace(settings.ARB.database, name=connection.settings_dict["NAME"])
    arb = replace(settings.ARB, database=named)
    monkeypatch.setattr(config, "current", lambda: arb)
    return arb


@pytest.fixture
def board(arb):
    client = redis.Redis.from_url(arb.redis_url)
    client.delete(board_key(arb.scope))
    yield client
    client.delete(board_key(arb.scope))
    client.close()


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Serve /healthz to whoever names the host we know, as the admin does, and nothing else."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["Host"] == "arb.example" and self.path == "/healthz"
            self.send_response(200 if is_known else 400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_worker_that_has_consumed_its_canary_is_well(arb, capsys):
    assert probe.main(["queue", "scan"]) == 1
    assert capsys.readouterr().err == "scan has given no sign of life\n"
    canaries.seen("scan", scope=arb.scope)
    assert probe.main(["queue", "scan"]) == 0
    assert re.fullmatch(r"scan gave a sign of life \d s ago\n", capsys.readouterr().out)
    assert probe.main(["queue", "ml"]) == 1


def test_a_worker_whose_canary_waits_is_not_well(arb, capsys):
    canaries.seen("scan", scope=arb.scope)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ops_canary SET sent_at = now() - interval '1 hour', consumed_at = now() - interval '46 s'"
        )
    assert probe.main(["queue", "scan"]) == 1
    said = re.fullmatch(r"scan has been silent for (\d+) s, and 45 s are allowed\n", capsys.readouterr().err)
    assert said and int(said[1]) in range(46, 106)  # and what this machine took to ask


def test_beat_is_well_while_it_beats(arb):
    assert probe.main(["beat"]) == 1
    canaries.seen(BEAT, scope=arb.scope)
    assert probe.main(["beat"]) == 0


def test_the_stream_is_well_while_it_tells_of_its_venues(arb, board, capsys):
    assert probe.main(["stream"]) == 1
    assert capsys.readouterr().err == "stream has given no sign of life\n"
    board.set(board_key(arb.scope), "[]", ex=BOARD_EXPIRE_S)
    assert probe.main(["stream"]) == 0
    board.set(board_key(arb.scope), "[]", ex=BOARD_EXPIRE_S - 20)
    assert probe.main(["stream"]) == 1
    said = re.search(r"silent for (\d+) s", capsys.readouterr().err)
    assert said and int(said[1]) in range(20, 80)


def test_servers_that_do_not_answer_are_said_without_their_addresses(arb, monkeypatch, capsys):
    nowhere = replace(
        arb,
        database=replace(arb.database, host="127.0.0.1", port=9),
        redis=replace(arb.redis, url=Secret("redis://:secret@127.0.0.1:9/0")),
    )
    monkeypatch.setattr(config, "current", lambda: nowhere)
    assert [probe.main(["beat"]), probe.main(["stream"])] == [1, 1]
    said = capsys.readouterr().err
    assert said == "the database cannot be asked: OperationalError\nRedis cannot be asked: ConnectionError\n"


def test_embedded_servers_that_nobody_named_are_said_so(arb, monkeypatch, capsys):
    unnamed = replace(arb, database=replace(arb.database, port=0), redis=replace(arb.redis, url=Secret("")))
    monkeypatch.setattr(config, "current", lambda: unnamed)
    assert [probe.main(["beat"]), probe.main(["stream"])] == [1, 1]
    assert capsys.readouterr().err.count("an embedded one is known to its own processes alone") == 2


def test_pages_are_asked_by_a_name_that_they_answer_to(arb, server, monkeypatch, capsys):
    port = ["--port", str(server.server_port)]
    for hosts, code in ((("*",), 1), (("arb.example", "127.0.0.1"), 0), ((".arb.example",), 0)):
        named = replace(arb, web=replace(arb.web, allowed_hosts=hosts))
        monkeypatch.setattr(config, "current", lambda named=named: named)
        assert probe.main(["web", *port]) == code
    assert probe.main(["flower", *port]) == 1
    assert capsys.readouterr().err == "web answers 400\nflower answers 400\n"


def test_a_page_that_nobody_serves_is_said(arb, capsys):
    assert probe.main(["flower", "--port", "9"]) == 1
    assert capsys.readouterr().err == "flower does not answer on port 9: ConnectionRefusedError\n"


def test_django_and_celery_stay_out():
    asked = "import sys; from arbsite import probe; sys.exit(bool({'django', 'celery', 'psycopg'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
