"""``run NAME``: a process sees its own keys alone, and starts in place of the command."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from arbsite import config
from arbsite.config import database_url
from arbsite.config.variables import VARIABLES
from arbsite.embedded.ports import free_port
from arbsite.management.commands import run
from arbsite.processes import Ports, table
from domain.errors import BadInput, Refused

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60
TABLE = {process.name: process for process in table(Ports(web=8000, flower=5555))}


def test_a_process_is_refused_keys_that_are_not_its_own():
    with pytest.raises(Refused, match=r"worker-scan is handed ALPACA_API_KEY, KRAKEN_API_KEY, which it must not see"):
        run.refuse_foreign_keys(TABLE["worker-scan"], visible=["KRAKEN_API_KEY", "ALPACA_API_KEY", "REDIS_URL"])


def test_a_start_passes_every_system_check_first():
    assert run.Command.requires_system_checks == "__all__"  # weak secrets end it before any process is there


@pytest.mark.parametrize("name", TABLE)
def test_a_process_takes_what_its_row_names(name):
    own = {*TABLE[name].secrets, "DATABASE_URL", "TIMESCALE_PASSWORD", "REDIS_PASSWORD", "ARB_MODE"}
    assert own <= set(VARIABLES)
    run.refuse_foreign_keys(TABLE[name], visible=own)


def test_an_unknown_process_is_named():
    with pytest.raises(BadInput, match="no process 'wrker-scan'"):
        call_command("run", "wrker-scan")


def test_servers_that_would_end_with_the_command_are_no_servers_for_it():
    with pytest.raises(BadInput, match=r"run needs DATABASE_URL and REDIS_URL.*use manage\.py up"):
        call_command("run", "beat")


def _becomes(program: bytes, process: subprocess.Popen) -> Path:
    """Return where the system tells of ``process``, which by then runs ``program``."""
    told, deadline_s = Path(f"/proc/{process.pid}"), time.monotonic() + PATIENCE_S
    while program not in (told / "cmdline").read_bytes():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    return told


def _environ(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a container: servers of its own, secrets in files, its state in a folder."""
    (folder / "key").write_text("a signing key of more than fifty characters, as set-up makes them")
    ours = replace(config.current().database, base_name=connection.settings_dict["NAME"])
    own = {"DATABASE_URL": database_url(ours), "ARB_MODE": "dry_run", "ARB_STATE_DIR": str(folder / "state")}
    return os.environ | own | {"ARB_SECRET_KEY_FILE": str(folder / "key")} | more


def _run(*args: str, environ: dict[str, str]) -> subprocess.Popen:
    command = (sys.executable, "manage.py", "run", *args)
    return subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.django_db
def test_the_process_takes_the_commands_place_and_its_secrets_stay_in_their_files(tmp_path):
    with _run("web", environ=_environ(tmp_path, ARB_WEB_PORT=str(free_port()))) as process:
        try:
            environ = (_becomes(b"gunicorn", process) / "environ").read_bytes()
        finally:
            process.terminate()
            process.communicate()
    assert b"ARB_SECRET_KEY_FILE=" in environ and b"a signing key" not in environ
