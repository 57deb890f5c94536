"""Runs the scripts of the operator's guide beside doubles of ``docker`` and of our Python that write down calls."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.stack import CHECKOUT

_DOCKER = """#!/bin/sh
echo "docker $*" >>"$CALLS"
case "$1 $2" in
    "info "*) exit "${DOCKER_DOWN:-0}" ;;
    "compose version") exit 0 ;;
    "compose ps") case "$*" in *--services*) printf '%s\\n' $DOCKER_RUNNING ;; *) echo id1 id2 ;; esac ;;
    "compose logs") echo "stream-1  | opportunity_opened"; exec sleep "${DOCKER_LOGS_S:-0}" ;;
    "inspect "*) cat "$DOCKER_STATES" ;;
    "compose exec") exit "${SCHEMA_BEHIND:-0}" ;;
esac
"""
_PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case "$*" in
    *is_free*) case "$*" in *"(${TAKEN_PORT:-none})"*) exit 1 ;; esac ;;
    *show_config*) [ -z "$WRONG_SETTING" ] || { echo "$WRONG_SETTING" >&2; exit 2; } ;;
    *is_embedded*) exit "${IS_CONFIGURED:-0}" ;;
    *os.setsid*) exec "$REAL_PYTHON" "$@" ;;
    *"manage.py up"*) echo "worker-scan started"; exec sleep "${UP_S:-0}" ;;
esac
"""
WELL = "timescaledb running healthy 0\nmigrate exited - 0\nweb running healthy 0\n"


@dataclass
class Ran:
    """How a script ended, what it said, and what it called."""

    code: int
    said: str
    calls: list[str]


class Desk:
    """A copy of the scripts in a folder of its own, with the doubles on its path."""

    def __init__(self, folder: Path, *, has_docker: bool) -> None:
        self.folder = folder
        (folder / "scripts").mkdir()
        for name in ("start_infrastructure.sh", "run_data_collection.sh"):
            (folder / "scripts" / name).write_bytes((CHECKOUT / "scripts" / name).read_bytes())
        (folder / "scripts" / "environment.sh").write_text("exit 0\n")
        (folder / "bin").mkdir()
        self._program("python", _PYTHON)
        if has_docker:
            self._program("docker", _DOCKER)
        (folder / "states").write_text(WELL)

    def environ(self, **more: str) -> dict[str, str]:
        """Return what a script sees: the doubles first, of the system's programs those of /usr/bin and /bin."""
        own = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "PY": f"{self.folder}/bin/python",
            "REAL_PYTHON": sys.executable,
            "CALLS": f"{self.folder}/calls",
            "DOCKER_STATES": f"{self.folder}/states",
            "ARB_POLL_S": "0.05",
        }
        return own | more

    def run(self, script: str, *args: str, **more: str) -> Ran:
        """Run a script to its end."""
        command = ("sh", f"scripts/{script}", *args)
        ran = subprocess.run(
            command, cwd=self.folder, env=self.environ(**more), capture_output=True, text=True, timeout=60
        )
        return Ran(ran.returncode, ran.stdout + ran.stderr, self.calls())

    def calls(self) -> list[str]:
        """Return what was called so far."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def _program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(text)
        file.chmod(0o755)
