"""A process tells its metrics at its own address, what it uses included, and works on where it cannot."""

import os
import socket
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from arbsite.config import Address
from ops import collectors, metering, metrics, metrics_server
from ops.process_use import MEMORY
from tests.told import server


@pytest.fixture
def address():
    return f"http://127.0.0.1:{server().server_port}/metrics"


def names_at(address: str) -> set[str]:
    with urlopen(address, timeout=60) as answer:
        return {family.name for family in text_string_to_metric_families(answer.read().decode())}


def test_everything_is_told_what_the_process_uses_included(address):
    metering.add(metrics.OUTAGES)
    own = {"arbsite_process_memory_bytes", "arbsite_process_cpu_seconds", "arbsite_process_children"}
    own |= {"arbsite_process_open_files", "arbsite_process_start_time_seconds"}
    told = names_at(address)
    assert told >= {*own, "arbsite_build_info", "arbsite_outbox_outages"}
    assert not {name for name in told if not name.startswith("arbsite_") or name.endswith("_created")}


def test_one_metric_that_is_asked_for_alone_has_no_other_read(address):
    def read() -> list[Metric]:
        raise AssertionError("nobody asked")

    collectors.register("test", read)
    try:
        assert names_at(f"{address}?name[]={MEMORY}") == {MEMORY}
    finally:
        collectors.register("test", list)


def test_it_can_be_read_and_nothing_else(address):
    with pytest.raises(HTTPError, match="405"), urlopen(Request(address, data=b""), timeout=60):
        pass


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
    socket_of_parent = server().socket
    pid = os.fork()
    if pid == 0:
        os._exit(int(socket_of_parent.fileno() >= 0))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
