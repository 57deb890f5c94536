"""One embedded server: a process that the keeper starts, adopts, watches and ends."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from arbsite.embedded.layout import Account, Layout
from arbsite.embedded.ports import free_port, is_free
from domain.errors import Unreachable

_START_S = 60.0
_STOP_S = 20.0
_LOG_BYTES = 5_000_000


class Server(ABC):
    """A server process and its folder; where it runs already, whoever started it, it is taken over as it is."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, layout: Layout, account: Account) -> None:
        self.layout = layout
        self.account = account
        self.port = 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where it keeps its data."""

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """The file in which the server itself writes its pid."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs before it first starts."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return what starts the server on ``self.port``."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it takes connections."""

    @abstractmethod
    def running_port(self) -> int:
        """Return the port that a running server listens on."""

    def begin(self) -> None:
        """Adopt the running server or start one on its last port, or on another where that is taken.

        Raises: Unreachable with the end of its log.
        """
        if self.pid():
            self.port = self.running_port()
        else:
            self.prepare()
            self.port = free_port(self._last_port())
            self.spawn()
        self._wait_until_ready()
        self._port_file.write_text(str(self.port), encoding="ascii")

    def spawn(self) -> None:
        """Start the process on ``self.port``."""
        log = self.layout.log(self.name)
        _rotate(log)
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **self.conditions()
            )

    def conditions(self) -> dict[str, Any]:
        """Return how the server's programs run: as their account, apart from our terminal, with nothing of ours."""
        environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        apart: dict[str, Any] = {"env": environ, "cwd": "/", "start_new_session": True}
        if self.account.is_other:
            apart |= {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return apart

    def pid(self) -> int | None:
        """Return the pid of the running server, or None."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        try:
            pid = int(self.pid_file.read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if str(self.folder) in _command_line(pid) else None

    def stop(self) -> None:
        """End the server in good order; by force where it does not end."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, self.stop_signal)
        if not self._ends_within(_STOP_S):
            os.kill(pid, signal.SIGKILL)
            self._ends_within(_STOP_S)

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        try:
            lines = self.layout.log(self.name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(lines[-8:])

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def _last_port(self) -> int:
        try:
            return int(self._port_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.name} is not ready after {_START_S:.0f} s; its log ends:\n{self.log_tail()}")
            if self.pid() is None:
                self._start_elsewhere()
            time.sleep(0.01)

    def _start_elsewhere(self) -> None:
        if is_free(self.port):
            raise Unreachable(f"{self.name} in {self.folder} does not start; its log ends:\n{self.log_tail()}")
        self.port = free_port()  # another process took the port between our look and the server's
        self.spawn()

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def _command_line(pid: int) -> str:
    """Return the command line of a process, empty where there is none: pids are reused, command lines tell."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    asked = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout


def _rotate(log: Path) -> None:
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
