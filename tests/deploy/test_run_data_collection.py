"""run_data_collection.sh: in containers or as processes, into its log, past a hang-up, until it is told to end."""

import os
import signal
import subprocess
import time

import pytest

from tests.deploy.scripts_run import Desk

COLLECT = "run_data_collection.sh"


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path, has_docker=True)


def _until(holds) -> None:
    deadline_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_without_containers_it_runs_every_process_in_a_dry_run(desk):
    ran = desk.run(COLLECT, "--foreground", "--days", "0.5")
    assert ran.code == 0, ran.said
    assert "python manage.py up --mode dry_run --seconds 43200" in ran.calls
    assert "data collection begins, mode dry_run, for 0.5 days" in ran.said and "worker-scan started" in ran.said
    assert not (desk.folder / "logs" / "data_collection.pid").exists()


def test_with_containers_it_starts_the_rest_of_them_and_ends_what_trades(desk):
    ran = desk.run(COLLECT, "--foreground", DOCKER_RUNNING="timescaledb")
    assert ran.code == 0, ran.said
    assert "docker compose up --detach" in ran.calls
    assert ran.calls[-1].startswith("docker compose stop stream worker-scan")
    assert "opportunity_opened" in ran.said


def test_days_end_the_containers_too(desk):
    ran = desk.run(COLLECT, "--foreground", "--days", "0.00001", DOCKER_RUNNING="timescaledb", DOCKER_LOGS_S="60")
    assert ran.code == 0
    assert ran.calls[-1].startswith("docker compose stop stream")


def test_in_the_background_it_outlives_the_terminal_and_ends_when_told(desk):
    log, pid_file = desk.folder / "logs" / "data_collection.log", desk.folder / "logs" / "data_collection.pid"
    started = subprocess.run(
        ("sh", f"scripts/{COLLECT}"), cwd=desk.folder, env=desk.environ(UP_S="60"), capture_output=True, text=True
    )
    assert started.returncode == 0 and "tail -f logs/data_collection.log" in started.stdout
    pid = int(pid_file.read_text())
    second = desk.run(COLLECT)  # on the heels of the first
    assert second.code == 4 and f"it runs already, as process {pid}" in second.said
    _until(lambda: log.exists() and "worker-scan started" in log.read_text())
    assert os.getsid(pid) != os.getsid(0)  # no terminal's hang-up reaches it
    os.kill(pid, signal.SIGTERM)
    _until(lambda: not pid_file.exists())
    assert "data collection ends" in log.read_text()


@pytest.mark.parametrize("mode", ["live", "replay"])
def test_nothing_but_a_dry_run_collects(desk, mode):
    ran = desk.run(COLLECT, ARB_MODE=mode)
    assert ran.code == 4 and f"ARB_MODE is {mode}" in ran.said
    assert not ran.calls


@pytest.mark.parametrize("days", ["0", "-1", "two", "1e9", "5000", "nan"])
def test_days_that_are_none_are_named(desk, days):
    ran = desk.run(COLLECT, "--days", days)
    assert ran.code == 2 and f"--days is {days}" in ran.said


def test_days_without_a_number_are_not_for_ever(desk):
    for without in (["--days"], ["--days", ""]):
        ran = desk.run(COLLECT, *without)
        assert ran.code == 2 and "--days wants a number" in ran.said
        assert not ran.calls
