"""Each process of ``up`` has an address for its metrics, and both Prometheus and readings find it."""

import json

import pytest

from arbsite import processes
from arbsite.embedded.ports import is_free, release
from arbsite.metrics import targets
from arbsite.processes import Ports
from tests.fakes import SIM
from tests.told import server


@pytest.fixture
def given():
    given = targets.with_addresses(processes.table(Ports(web=8000, flower=5555), partitions=2))
    yield given
    for process in given:
        for port in process.ports:
            release(port)


@pytest.fixture
def file(tmp_path):
    return targets.targets_file(tmp_path)


def test_every_process_has_an_address_of_its_own_that_nobody_else_takes(given):
    ports = {process.name: process.metrics_port for process in given if process.name != "flower"}
    assert len(set(ports.values())) == len(ports) == len(given) - 1
    assert not any(is_free(port) for port in ports.values())
    assert all(
        one.variables["ARB_METRICS_ADDRESS"] == f"127.0.0.1:{one.metrics_port}" for one in given if one.metrics_port
    )


def test_a_share_of_the_pairs_keeps_its_number_beside_the_address(given):
    second = next(process for process in given if process.name == "stream-2")
    assert second.environ()["ARB_PARTITION"] == "2"


def test_the_list_is_what_prometheus_reads_and_is_gone_afterwards(given, file):
    with targets.listed(given, file, scope=SIM):
        told = json.loads(file.read_text())
        assert {target["labels"]["process"] for target in told} == {process.name for process in given}
        assert all(target["labels"] == target["labels"] | {"job": "arbsite", "mode": "sim"} for target in told)
        assert {tuple(target) for target in told} == {("targets", "labels")}
    assert not file.exists()


def test_memory_is_read_of_each_process_that_answers(file):
    file.parent.mkdir()
    addresses = {"stream": f"127.0.0.1:{server().server_port}", "worker-scan": "127.0.0.1:9"}
    listed = [{"targets": [address], "labels": {"process": name}} for name, address in addresses.items()]
    file.write_text(json.dumps(listed))
    ((name, used_bytes),) = targets.memory_by_process(file)
    assert name == "stream"
    assert used_bytes > 10_000_000


def test_where_nothing_is_listed_no_memory_is_read(file):
    assert list(targets.memory_by_process(file)) == []
