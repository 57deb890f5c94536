"""setup, doctor and show_config, as a person or a script calls them."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from arbsite import config, diagnosis
from arbsite.config.tree import Chain
from arbsite.config.variables import VARIABLES
from arbsite.diagnosis import Finding, Verdict
from arbsite.management.commands.doctor import exit_code
from arbsite.setup.first_user import ensure_first_user
from domain.errors import BadInput
from domain.secret import Secret


def _json_of(command: str) -> dict:
    out = StringIO()
    call_command(command, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_show_config_masks_secrets_and_says_where_values_come_from():
    shown = _json_of("show_config")
    assert set(shown["variables"]) == set(VARIABLES)
    assert shown["variables"]["REDIS_URL"] == {"value": "***", "origin": "environment"}
    assert shown["variables"]["ARB_BREAKER_WINDOW"] == {"value": "20", "origin": "default"}
    assert config.current().database.password.reveal() not in json.dumps(shown)


def test_a_directory_for_files_that_set_up_was_not_asked_for_is_refused():
    with pytest.raises(BadInput, match="--directory is for --env"):
        call_command("setup", "--directory", "/elsewhere")


def test_doctor_finds_both_servers_well():
    found = {finding.part: finding.verdict for finding in diagnosis.diagnose()}
    assert found["database"] == found["redis"] == found["python"] == Verdict.OK


def test_doctor_names_each_node_and_what_is_wrong_with_it(chain):
    with page_server() as page:
        nodes = (chain.rpc_url, "http://127.0.0.1:9/v2/secret-key", page)
        told = _doctor_of(
            Chain("ethereum", chain.chain_id, tuple(map(Secret, nodes)), None, 1000, 60_000, 300, 1, None)
        )
    port = chain.rpc_url.rpartition(":")[2]
    assert told[0] == (Verdict.OK, f"127.0.0.1:{port} answers, chain {chain.chain_id}")
    assert told[1] == (Verdict.NOTE, "127.0.0.1:9 cannot be used: Connection refused")
    assert told[2][0] is Verdict.FAULT and told[2][1].endswith("does not answer as a node does")


def test_doctor_names_a_node_of_another_chain_and_a_chain_that_is_not_watched(chain):
    of_another = Chain("ethereum", 1, (Secret(chain.rpc_url),), None, 1000, 60_000, 300, 1, None)
    ((verdict, detail),) = _doctor_of(of_another)
    assert verdict is Verdict.FAULT and detail.endswith(f"is on chain {chain.chain_id}, not 1")
    ((verdict, detail),) = _doctor_of(replace(of_another, rpc_urls=()))
    assert (verdict, detail) == (Verdict.NOTE, "not watched: set ARB_ETHEREUM_RPC_URLS or ALCHEMY_API_KEY")


def _doctor_of(watched: Chain) -> list[tuple[Verdict, str]]:
    arb = config.current()
    arb = replace(arb, venues=replace(arb.venues, chains=(watched,)))
    found = [finding for finding in diagnosis._chains(arb) if finding.part == "chain ethereum"]
    return [(finding.verdict, finding.detail) for finding in found]


class _Page(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def do_POST(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>welcome</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def page_server() -> Iterator[str]:
    """Serve a page on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [((Verdict.OK, Verdict.NOTE), 0), ((Verdict.FAULT, Verdict.OK), 3), ((Verdict.FAULT, Verdict.DOWN), 5)],
)
def test_doctors_exit_code_tells_the_worst(verdicts, code):
    assert exit_code([Finding("part", verdict, "") for verdict in verdicts]) == code


@pytest.mark.django_db
def test_the_first_user_is_made_once_and_keeps_a_changed_password():
    made = ensure_first_user(config.current())
    assert made.is_new and made.password_file.stat().st_mode & 0o077 == 0
    user = get_user_model().objects.get(username=made.name)
    assert user.is_superuser and user.check_password(made.password.reveal())
    user.set_password("changed by a person")
    user.save()
    assert not ensure_first_user(config.current()).is_new
    assert get_user_model().objects.get(username=made.name).check_password("changed by a person")


@pytest.mark.django_db(transaction=True)
def test_two_set_ups_at_once_make_one_first_user():
    start = threading.Barrier(2)

    def ensure():
        start.wait()
        try:
            return ensure_first_user(config.current()).is_new
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(ensure) for _ in range(2)]
        assert sorted(one.result() for one in made) == [False, True]
