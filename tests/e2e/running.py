"""Commands and demos in processes of their own, on servers of their own."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from arbsite import config
from arbsite.config.variables import VARIABLES

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def environ(state_dir: Path, **variables: str) -> dict[str, str]:
    """Return this process's environment with our settings forgotten and ``variables`` set."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return kept | {"ARB_ENV_FILE": "none", "ARB_STATE_DIR": str(state_dir)} | variables


def answer(state_dir: Path, *command: str, **variables: str) -> dict[str, Any]:
    """Return the JSON object that a command prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command, "--json"],
        cwd=CHECKOUT,
        env=environ(state_dir, **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class RunningDemo:
    """A demo in a process of its own, with its own servers."""

    def __init__(self, state_dir: Path, *options: str, **variables: str) -> None:
        self.state_dir = state_dir
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--json", *options],
            cwd=CHECKOUT,
            env=environ(state_dir, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, *, after: int = 0, within_s: float = 90) -> int:
        """Wait for a line on stderr and return the number of the line after it."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for number, line in enumerate(self.lines[after:], start=after):
                if re.search(pattern, line):
                    return number + 1
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.1)
        raise AssertionError(f"no line {pattern!r} came: " + "\n".join(self.lines[-30:]))

    def finish(self, within_s: float = 60) -> tuple[int, dict]:
        """Return the exit code and the summary."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(within_s)
        self._reader.join(10)
        assert len(out.splitlines()) == 1, out
        return code, json.loads(out)

    def pid_of(self, name: str) -> int:
        """Return the pid of a supervised process."""
        log = next(line for line in self.lines if line.startswith("logs")).split()[1]
        events = [json.loads(line) for line in Path(log, "supervisor.log").read_text().splitlines()]
        return [event["pid"] for event in events if event["process"] == name and event["event"].endswith("started")][-1]

    def pids_left(self) -> list[str]:
        """Return what still runs of this demo."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        group = str(self.state_dir)
        return [line for line in listed.splitlines() if group in line]

    def end(self) -> None:
        """End it whatever state it is in."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))


def assert_sound(summary: dict[str, Any]) -> None:
    """Whatever happened in between: it traded, nothing was unexpected, and the rows agree."""
    assert summary["mode"] == "sim"
    assert summary["executions_with_fills"] >= 1
    assert summary["seconds_to_first_execution"] > 0
    assert summary["unexpected_errors"] == 0, summary["first_unexpected_errors"]
    assert not any(summary["audit"].values()), summary["audit"]
    assert {"gross", "fees", "gas", "slippage", "unwind", "net", "currency"} <= set(summary["pnl"])


def lend_chain(state_dir: Path) -> None:
    """Let a demo find the local chain that was fetched for the tests, so that it fetches none."""
    state_dir.mkdir(mode=0o711, exist_ok=True)
    fetched, lent = config.current().state_dir / "chain", state_dir / "chain"
    if fetched.exists() and not lent.exists():
        lent.symlink_to(fetched)
