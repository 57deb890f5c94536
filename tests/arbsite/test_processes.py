"""The table of processes: who sees which key, and which port people find."""

import socket
from dataclasses import replace

import pytest

from arbsite import config, processes
from arbsite.config.variables import VARIABLES
from arbsite.processes import Ports
from domain.errors import BadInput
from ops.queues import Queue

TABLE = {process.name: process for process in processes.table(Ports(web=8000, flower=5555))}


def _holders(variable: str) -> set[str]:
    return {name for name, process in TABLE.items() if variable in process.secrets}


def test_each_key_is_held_by_one_process():
    assert _holders("KRAKEN_API_SECRET") == _holders("ALPACA_API_SECRET") == {"worker-execution"}
    assert _holders("KRAKEN_READ_API_SECRET") == _holders("ALPACA_READ_API_SECRET") == {"worker-account"}
    assert _holders("ALPACA_DATA_API_SECRET") == {"stream"}
    assert _holders("WALLET_PRIVATE_KEY") == {"worker-execution"}
    assert _holders("MLFLOW_TRACKING_URI") == {"worker-ml"}
    assert _holders("ARB_RESTORE_URL") == {"worker-ml"}


def test_web_beat_and_flower_hold_no_key():
    for name in ("web", "beat", "flower", "worker-ml"):
        assert not [secret for secret in TABLE[name].secrets if "KEY" in secret and secret != "ARB_SECRET_KEY"]


def test_whoever_reads_a_chain_is_told_its_nodes():
    nodes = {name for name in VARIABLES if name.endswith(("_RPC_URLS", "_WS_URL")) and VARIABLES[name].is_secret}
    assert len(nodes) == 4
    for node in (*nodes, "ALCHEMY_API_KEY"):
        assert _holders(node) == {"stream", "worker-execution", "worker-scan", "worker-account"}
    assert not [secret for secret in TABLE["worker-scan"].secrets if secret.startswith(("KRAKEN", "ALPACA", "WALLET"))]


def test_every_queue_has_its_worker():
    assert {process.queue for process in TABLE.values() if process.queue} == {queue.value for queue in Queue}


def test_no_password_stands_on_a_command_line():
    login = processes.flower_login(config.current())
    assert not any(login.split(":")[1] in part for process in TABLE.values() for part in process.argv)
    assert TABLE["flower"].environ()["FLOWER_BASIC_AUTH"] == login
    assert "FLOWER_BASIC_AUTH" not in TABLE["worker-scan"].environ()


def test_everything_listens_on_loopback():
    assert any(part == "--bind=127.0.0.1:8000" for part in TABLE["web"].argv)
    assert any(part == "--address=127.0.0.1" for part in TABLE["flower"].argv)


def test_in_a_container_the_pages_are_served_to_its_network():
    served = {process.name: process for process in processes.table(Ports(web=8000, flower=5555), host="0.0.0.0")}
    assert "--bind=0.0.0.0:8000" in served["web"].argv
    assert "--address=0.0.0.0" in served["flower"].argv


def test_a_taken_port_is_named_where_it_was_asked_for_and_replaced_where_it_was_not():
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        arb = config.current()
        with pytest.raises(BadInput, match=f"ARB_WEB_PORT is {taken}"):
            processes.choose_ports(replace(arb, web=replace(arb.web, port=taken)))
    assert processes.choose_ports(arb).web > 0


def test_an_unknown_process_is_named():
    with pytest.raises(BadInput, match="no process 'wbe'"):
        processes.named(tuple(TABLE.values()), "wbe")


def test_each_partition_has_a_stream_and_a_scan_worker_of_its_own_name_and_number():
    shared = {one.name: one for one in processes.table(Ports(web=8000, flower=5555), partitions=2)}
    extra = {f"{name}-{index}" for name in ("stream", "worker-scan") for index in (1, 2)}
    assert set(shared) == set(TABLE) - {"stream", "worker-scan"} | extra
    for index in ("1", "2"):
        assert shared[f"stream-{index}"].environ()["ARB_PARTITION"] == index
        scan = shared[f"worker-scan-{index}"]
        assert (scan.environ()["ARB_PARTITION"], scan.queue) == (index, "scan")
        assert f"--hostname=scan-{index}@%h" in scan.argv and "--queues=scan" in scan.argv
    assert "ARB_PARTITION" not in shared["web"].environ()


def test_on_one_machine_one_stream_alone_holds_the_market_data_key():
    shared = processes.sharing_one_key(processes.table(Ports(web=8000, flower=5555), partitions=3))
    assert {one.name for one in shared if "ALPACA_DATA_API_SECRET" in one.secrets} == {"stream-1"}
    assert processes.sharing_one_key(tuple(TABLE.values())) == tuple(TABLE.values())
