"""Backups and restores killed at any moment: what stands is whole, what is in use is untouched, the next one works."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from django.conf import settings
from django.db import connection

from arbsite.backups import manifest, shelf
from arbsite.backups.loading import drop
from arbsite.backups.restore import DRAFT
from arbsite.config import database_url
from arbsite.setup import schema
from tests.arbsite.backups.conftest import arb_over

pytestmark = [pytest.mark.campaign, pytest.mark.django_db(transaction=True)]

KILLS = 8
STARTED_S = 1.5  # before that a process has only read its settings
DUMP_S = 0.15  # what the dump of a nearly empty database takes


def begin(directory: Path, *words: str) -> "subprocess.Popen[bytes]":
    environ = os.environ | {
        "ARB_ENV_FILE": "none",
        "ARB_MODE": "dry_run",
        "DATABASE_URL": database_url(arb_over(directory).database),
        "ARB_BACKUP_DIR": str(directory),
    }
    command = (sys.executable, "manage.py", "backup", *words, "--mode", "dry_run")
    return subprocess.Popen(command, cwd=settings.ARB.checkout, env=environ, stdout=subprocess.DEVNULL)


def killed(process: "subprocess.Popen[bytes]", after_s: float) -> bool:
    """Kill a process after so long, and return whether it was still at work."""
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def names_on_server(prefix: str) -> set[str]:
    with schema.connect_beside(settings.ARB.database, name="postgres") as server:
        rows = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        return {name for (name,) in rows.fetchall()}


def lasts_s(directory: Path, *words: str) -> float:
    began_s = time.monotonic()
    assert begin(directory, *words).wait() == 0
    return time.monotonic() - began_s


def is_dumping(directory: Path, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until a backup is being made, and return False if it was over before that was seen."""
    while process.poll() is None:
        if list(directory.glob(f"*{shelf.PARTIAL}")):
            return True
        time.sleep(0.001)
    return False


def test_a_backup_killed_at_any_moment_is_none_and_the_next_is_whole(tmp_path):
    rng = Random(1)
    connection.close()
    lasts_s(tmp_path, "create")
    at_work = []
    for _ in range(KILLS):
        process = begin(tmp_path, "create")
        at_work.append(is_dumping(tmp_path, process) and killed(process, rng.uniform(0, DUMP_S)))
    assert any(at_work)
    lasts_s(tmp_path, "create")
    assert not list(tmp_path.glob(f"*{shelf.PARTIAL}"))
    for name in shelf.names(tmp_path):
        shelf.check_files(tmp_path / name, manifest.read(tmp_path / name))


def test_a_restore_killed_at_any_moment_leaves_what_is_in_use_and_the_next_one_takes_its_place(tmp_path):
    rng = Random(2)
    connection.close()
    lasts_s(tmp_path, "create")
    name = f"{connection.settings_dict['NAME']}_back"
    wish = ("restore", shelf.LATEST, "--into", name, "--reason", "killed", "--replace", "--confirm", name)
    try:
        whole_s = lasts_s(tmp_path, *wish)
        at_work = [killed(begin(tmp_path, *wish), rng.uniform(STARTED_S, whole_s)) for _ in range(KILLS)]
        assert any(at_work)
        with schema.connect_beside(settings.ARB.database, name=name) as back:
            (unheld,) = back.execute("SELECT count(*) FROM risk_gate WHERE state <> 'unreconciled'").fetchone()
            assert unheld == 0
        lasts_s(tmp_path, *wish)
        assert name + DRAFT not in names_on_server(name)
    finally:
        for left in names_on_server(name):
            drop(settings.ARB.database, left)


def test_a_verification_killed_at_any_moment_leaves_no_server_running(tmp_path):
    rng = Random(3)
    connection.close()
    lasts_s(tmp_path, "create")
    whole_s = lasts_s(tmp_path, "verify")
    for _ in range(3):
        killed(begin(tmp_path, "verify"), rng.uniform(STARTED_S, whole_s))
    lasts_s(tmp_path, "verify")
    assert shelf.is_verified(shelf.find(tmp_path, shelf.LATEST))
    assert not list(settings.ARB.state_dir.glob("restore-test-*"))
