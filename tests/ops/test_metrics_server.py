"""A process tells its metrics at its own address, what it uses included, and works on where it cannot."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from arbsite.config import Address
from ops import metrics, metrics_server

FORKED = """
import os, socket
from ops import metrics_server
server = metrics_server.listen("127.0.0.1", 0)
pid = os.fork()
if pid == 0:
    server_is_open = server.socket.fileno() >= 0
    os._exit(int(server_is_open))
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture
def server():
    metrics_server.tell_of_ourselves()
    server = metrics_server.listen("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def names_at(address: str) -> set[str]:
    with urlopen(address, timeout=5) as answer:
        return {family.name for family in text_string_to_metric_families(answer.read().decode())}


def test_everything_is_told_at_one_page_and_what_the_process_uses_at_another(server):
    metrics.OUTAGES.add()
    own = {"arbsite_process_memory_bytes", "arbsite_process_cpu_seconds", "arbsite_process_children"}
    own |= {"arbsite_process_open_files", "arbsite_process_start_time_seconds"}
    assert names_at(f"{server}/metrics") >= {*own, "arbsite_build_info", "arbsite_outbox_outages"}
    assert names_at(f"{server}/metrics/process") == own


def test_no_other_page_is_there(server):
    with pytest.raises(HTTPError, match="404"):
        names_at(f"{server}/admin/")


def test_an_address_that_is_taken_is_an_error_in_the_log_and_stops_nothing(settings, caplog):
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        settings.ARB = replace(settings.ARB, metrics_address=Address("127.0.0.1", squatter.getsockname()[1]))
        metrics_server.serve()
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "metrics_not_served" in str(line.msg)


def test_without_an_address_nothing_listens(settings):
    settings.ARB = replace(settings.ARB, metrics_address=None)
    metrics_server.serve()
    assert not metrics_server._serving.is_set()


def test_a_forked_child_lets_the_port_go():
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "arbsite.settings"}
    assert subprocess.run([sys.executable, "-c", FORKED], env=environ, timeout=60, check=False).returncode == 0
