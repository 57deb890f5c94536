"""The system under soak: ``manage.py up --mode sim`` on servers of its own, watched and wounded from outside."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from arbsite.embedded import Lease
from arbsite.embedded.layout import Account
from arbsite.embedded.server import Server
from arbsite.embedded.status import read_status
from arbsite.redis_client import hasty_client
from domain.scope import Mode
from tests.e2e.running import CHECKOUT, environ
from tests.soak.proc import children_of, command_line, descendants_of, option_of

FLOWER, SIMULATOR, WEB = "flower", "simulator", "web"
_SERVER_LOGS = {"keeper", "postgres", "valkey", "supervisor"}
_LONGEST_END_S = 60.0


class System:
    """Its processes by name; each question asks the machine anew."""

    def __init__(self, lease: Lease, *, seed: int) -> None:
        self.lease = lease
        self.state_dir = lease.layout.state_dir
        self.logs = self.state_dir / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self._said = self.logs / "up.log"
        self.up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--mode", "sim", "--json", "--seed", str(seed)],
            cwd=CHECKOUT,
            env=environ(self.state_dir),
            stdout=subprocess.DEVNULL,
            stderr=self._said.open("wb"),
            start_new_session=True,
        )

    def pids(self) -> dict[str, int]:
        """Return the pid of each supervised process, as its supervisor last told; none of one that died."""
        found: dict[str, int] = {}
        for event in self._events():
            found[event["process"]] = 0 if event["event"] == "process_died" else event["pid"]
        return found

    def pid_of(self, name: str) -> int:
        """Return the pid of a process that runs. Raises: LookupError."""
        pid = self.pids().get(name, 0)
        if not pid:
            raise LookupError(f"{name} does not run")
        return pid

    def child_of(self, name: str) -> int:
        """Return the pid of a process's first child. Raises: LookupError."""
        return first(children_of(self.pid_of(name)), f"{name} has no child")

    def node_pid(self) -> int:
        """Return the pid of the chain's node. Raises: LookupError."""
        return first(
            [pid for pid in descendants_of(self.pid_of(SIMULATOR)) if "anvil" in command_line(pid)], "no node runs"
        )

    def server_pid(self, server: type[Server]) -> int:
        """Return the pid of PostgreSQL or Redis. Raises: LookupError."""
        pid = server(self.lease.layout, Account.for_servers()).pid()
        if pid is None:
            raise LookupError(f"{server.name} does not run")
        return pid

    def keeper_pid(self) -> int:
        """Return the pid of what keeps the servers. Raises: LookupError."""
        status = read_status(self.lease.layout.status)
        if status is None or not status.keeper_pid:
            raise LookupError("no keeper runs")
        return status.keeper_pid

    def guardian_pid(self) -> int:
        """Return the pid of what would end every process with its supervisor. Raises: LookupError."""
        guardians = [pid for pid in children_of(self.up.pid) if "arbsite.guardian" in command_line(pid)]
        return first(guardians, "no guardian runs")

    def misbehave(self, kind: str, venue: str, *, lasts_s: float, value: float = 0.0) -> None:
        """Let a simulated venue misbehave from now on. Raises: OSError if the simulator does not answer."""
        port = option_of(command_line(self.pid_of(SIMULATOR)), "--kraken-port")
        fault = {"kind": kind, "venue": venue, "to_s": lasts_s, "value": value}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/faults", json.dumps(fault).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=5).close()

    def cut_sessions(self, condition: str) -> int:
        """End the database sessions that ``condition`` on pg_stat_activity names, and return how many."""
        rows = self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE pid <> pg_backend_pid() AND datname = current_database() AND {condition}"
        )
        return len(rows)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a question to the mode's database. Raises: psycopg.Error."""
        self.lease.status = read_status(self.lease.layout.status) or self.lease.status
        address = self.lease.database_url(Mode.SIM)
        with psycopg.connect(address, autocommit=True, connect_timeout=3, row_factory=tuple_row) as session:
            return session.execute(sql.encode()).fetchall()

    def redis(self) -> Any:
        """Return a client that gives up soon."""
        self.lease.status = read_status(self.lease.layout.status) or self.lease.status
        return hasty_client(self.lease.redis_url, 2.0)

    def answers(self, name: str, path: str) -> bool:
        """Return whether a page is served, be it to tell us that we may not see it."""
        text = command_line(self.pids().get(name, 0))
        port = option_of(text, "--port") or option_of(text, "--bind").rpartition(":")[2]
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3).close()
        except urllib.error.HTTPError as answer:
            return answer.code < 500
        except (OSError, ValueError):
            return False
        return True

    def run(self, *command: str) -> tuple[int, dict[str, Any]]:
        """Run one of our commands with ``--json`` on this system, and return its exit code and what it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command, "--json"],
            cwd=CHECKOUT,
            env=environ(self.state_dir, ARB_MODE="sim"),
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            said = json.loads(done.stdout)
        except ValueError:
            said = {"stderr": done.stderr[-2000:]}
        return done.returncode, said

    def log_files(self) -> list[Path]:
        """Return the logs of our own processes."""
        return [file for file in sorted(self.logs.glob("*.log")) if file.stem not in _SERVER_LOGS]

    def has_ended(self) -> bool:
        """Return whether it ended, which nobody asked it to."""
        return self.up.poll() is not None

    def last_words(self) -> str:
        """Return the last line that it said."""
        return (self._said.read_text(errors="replace").splitlines() or ["it said nothing"])[-1]

    def end(self) -> tuple[int, list[str]]:
        """Interrupt it as a user does; return its exit code, and what still runs of it."""
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
            try:
                self.up.wait(_LONGEST_END_S)
            except subprocess.TimeoutExpired:
                self.up.kill()
        code = self.up.wait()
        ours = {pid for pid in self.pids().values() if pid}
        return code, [command_line(pid) for pid in ours if Path(f"/proc/{pid}").exists()]

    def _events(self) -> list[dict[str, Any]]:
        try:
            lines = (self.logs / "supervisor.log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("}")]


def wait_until(is_so: Callable[[], bool], *, within_s: float) -> float | None:
    """Return the seconds until ``is_so``, or None if it was not in time."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > within_s:
            return None
        time.sleep(0.5)
    return time.monotonic() - began


def first(pids: list[int], otherwise: str) -> int:
    """Return the first of ``pids``. Raises: LookupError with ``otherwise``."""
    if not pids:
        raise LookupError(otherwise)
    return pids[0]
