"""The demo as a person runs it, and as it must bear being shot at."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis

from arbsite.config import generated_secret
from tests.e2e.running import RunningDemo, assert_sound


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()[1:]]
    return [child for child, parent in pairs if parent == pid]


def redis_pid(demo: RunningDemo) -> int:
    port = json.loads((demo.state_dir / "services.json").read_text())["valkey_port"]
    password = generated_secret(demo.state_dir, "valkey_password").reveal()
    with redis.Redis(port=port, password=password) as client:
        return int(client.info("server")["process_id"])


def postgres_pid(demo: RunningDemo) -> int:
    file = next((demo.state_dir / "postgres").rglob("postmaster.pid"))
    return int(file.read_text().splitlines()[0])


def worker_child(demo: RunningDemo) -> int:
    return children_of(demo.pid_of("worker-execution"))[0]


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_the_incident_trips_a_breaker_which_recovers_within_the_usual_length(start):
    demo = start("--seconds", "90")
    code, summary = demo.finish(within_s=200)
    assert code == 0
    assert_sound(summary)
    assert summary["breakers"]["consecutive_failures"]["trips"] >= 1
    assert summary["breakers"]["consecutive_failures"]["state"] == "closed"
    assert summary["seconds_to_first_execution"] <= 60
    assert not demo.pids_left()


VICTIMS = [
    (worker_child, "worker-execution's child is gone"),
    (lambda demo: demo.pid_of("worker-execution"), "worker-execution is gone"),
    (lambda demo: demo.pid_of("stream"), "stream is gone"),
    (lambda demo: demo.pid_of("beat"), "beat is gone"),
    (redis_pid, "Redis is gone"),
    (postgres_pid, "PostgreSQL is gone"),
    (lambda demo: demo.pid_of("simulator"), "simulator is gone"),
]


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_demo_says_what_was_killed_and_trades_again_within_30_s(start):
    demo = start("--forever", "--no-incident")
    at = demo.wait_for(r"[1-9]\d* executed", within_s=200)
    demo.wait_for(r"  running: ", after=at)
    for find, said in VICTIMS:
        time.sleep(8)
        seen = len(demo.lines)
        os.kill(find(demo), signal.SIGKILL)
        demo.wait_for(said, after=seen, within_s=30)
        demo.wait_for(r"trading goes on", after=seen, within_s=60)
    demo.process.send_signal(signal.SIGINT)
    code, summary = demo.finish()
    assert code == 130
    told = {one["subject"]: one for one in summary["fault_tolerance"]}
    assert len(told) >= len(VICTIMS)
    for one in summary["fault_tolerance"]:
        assert one["back_after_s"] <= 30, one
        assert one["trading_again_after_s"] <= 30, one
    assert_sound(summary)
    assert not demo.pids_left()


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_a_terminated_demo_sums_up_and_leaves_nothing_running(start):
    demo = start("--forever")
    demo.wait_for(r"[1-9]\d* executed", within_s=200)
    demo.process.terminate()
    code, summary = demo.finish()
    assert code == 143
    assert summary["interrupted_by"] == "SIGTERM"
    assert not demo.pids_left()


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_a_killed_demo_leaves_nothing_running(start):
    demo = start("--forever")
    demo.wait_for(r"[1-9]\d* executed", within_s=200)
    pids = [demo.pid_of(name) for name in ("simulator", "stream", "worker-execution", "beat", "worker-scan")]
    demo.process.kill()
    demo.process.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (demo.pids_left() or any(Path(f"/proc/{pid}").exists() for pid in pids)):
        time.sleep(0.2)
    assert not demo.pids_left()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
