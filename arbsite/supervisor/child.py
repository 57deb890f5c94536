"""One supervised process: its group, its log, and when it may be started again."""

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from arbsite.embedded.ports import release
from arbsite.guardian import signal_group
from arbsite.processes import Process

_LOG_BYTES = 10_000_000
_HEALTHY_S = 30.0
_LONGEST_WAIT_S = 10.0


class ChildState(StrEnum):
    """Where a supervised process stands."""

    RUNNING = "running"
    WAITING = "waiting"  # it died again and again; its next start is due soon
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """What is known of one process."""

    name: str
    state: ChildState
    pid: int | None
    restarts: int


class Child:
    """A process in its own group, so that what it forks ends with it."""

    def __init__(self, process: Process, *, cwd: Path, log_dir: Path) -> None:
        self.process = process
        self.restarts = 0
        self.log = log_dir / f"{process.name}.log"
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._quick_deaths = 0
        self.next_start_at = 0.0

    @property
    def pid(self) -> int:
        """Return the pid, which is the group's too, of the process last started; 0 before the first."""
        return self._popen.pid if self._popen else 0

    def start(self) -> None:
        """Start the process, its output appended to its log."""
        for port in self.process.ports:
            release(port)
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.process.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._cwd,
                env=self.process.environ(),
                start_new_session=True,
            )
        self._started_at = time.monotonic()

    def exit_status(self) -> int | None:
        """Return how the process ended, negative for a signal, or None while it runs."""
        return self._popen.poll() if self._popen else None

    def wait(self) -> None:
        """Wait for the end of the process."""
        if self._popen:
            self._popen.wait()

    def bury(self) -> None:
        """End what a dead process left of its group, and set when it may start again: at once if it ran well."""
        self.signal(signal.SIGKILL)  # two generations of one worker must never run side by side
        ran_well = time.monotonic() - self._started_at >= _HEALTHY_S
        self._quick_deaths = 0 if ran_well else self._quick_deaths + 1
        wait_s = 0.0 if self._quick_deaths <= 1 else min(2.0 ** (self._quick_deaths - 2), _LONGEST_WAIT_S)
        self.next_start_at = time.monotonic() + wait_s

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        if self._popen:
            signal_group(self._popen.pid, number)

    def status(self) -> ChildStatus:
        """Return what is known of the process."""
        if self._popen is None:
            return ChildStatus(self.process.name, ChildState.STOPPED, None, self.restarts)
        is_running = self._popen.poll() is None
        state = ChildState.RUNNING if is_running else ChildState.WAITING
        return ChildStatus(self.process.name, state, self._popen.pid if is_running else None, self.restarts)

    def forget(self) -> None:
        """Count the process as stopped."""
        self._popen = None

    def rotate_log(self) -> None:
        """Keep one old log once the log is large; the process goes on writing to the emptied file."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            with self.log.open("r+b") as stream:
                stream.truncate()
