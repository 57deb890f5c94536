"""The supervisor: a thread that watches over the processes of the system."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from arbsite.config.folders import claim_folder
from arbsite.embedded import Lease
from arbsite.processes import Process
from arbsite.supervisor.child import Child, ChildStatus
from arbsite.supervisor.events import EventKind, ProcessEvent

_TICK_S = 0.1
_TICKS_PER_ROUND = 10
_PATIENCE_S = 10.0


class Supervisor:
    """Starts processes, restarts those that die, ends them all on ``stop``; a guardian does so if we are killed."""

    def __init__(
        self,
        processes: Iterable[Process],
        *,
        cwd: Path,
        log_dir: Path,
        on_event: Callable[[ProcessEvent], None] = lambda event: None,
        lease: Lease | None = None,
    ) -> None:
        self.events: list[ProcessEvent] = []
        self._children = [Child(process, cwd=cwd, log_dir=log_dir) for process in processes]
        self._cwd = cwd
        self._log_dir = log_dir
        self._on_event = on_event
        self._lease = lease
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._guardian: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start every process and watch over them in a thread."""
        try:
            claim_folder(self._log_dir, variable="ARB_LOG_DIR")
            self._summon_guardian()
            for child in self._children:
                self._start(child, EventKind.STARTED)
            self._watcher.start()
        except BaseException:
            self.stop()
            raise

    def add(self, processes: Iterable[Process]) -> None:
        """Start more processes beside those that run already."""
        for process in processes:
            child = Child(process, cwd=self._cwd, log_dir=self._log_dir)
            self._start(child, EventKind.STARTED)
            self._children.append(child)

    def states(self) -> list[ChildStatus]:
        """Return what is known of each process."""
        return [child.status() for child in self._children]

    def stop(self) -> None:
        """Ask every process to end, force those that do not, and return when none is left."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._end_children()
        self._dismiss_guardian()

    def run(self) -> None:
        """Start, wait for SIGINT or SIGTERM, and stop: for a command's main thread."""
        asked = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: asked.set())
        try:
            self.start()
            asked.wait()
        finally:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self) -> None:
        ticks = 0
        while not self._stopping.wait(_TICK_S):
            for child in self._children:
                self._heal(child)
            ticks += 1
            if ticks % _TICKS_PER_ROUND == 0:
                self._go_round()

    def _heal(self, child: Child) -> None:
        status = child.exit_status()
        if status is None:
            return
        if child.next_start_at == 0.0:
            self._tell(child, EventKind.DIED, _describe(status))
            self._list_group("-", child)
            child.bury()
        if time.monotonic() >= child.next_start_at:
            self._start(child, EventKind.RESTARTED)
            child.restarts += 1

    def _start(self, child: Child, kind: EventKind) -> None:
        child.start()
        child.next_start_at = 0.0
        self._list_group("+", child)
        self._tell(child, kind)

    def _go_round(self) -> None:
        """Do what is worth doing once a second."""
        for child in self._children:
            child.rotate_log()
        if self._lease is not None:
            self._lease.keep()
        if self._guardian is not None and self._guardian.poll() is not None:
            self._summon_guardian()

    def _end_children(self) -> None:
        for child in reversed(self._children):
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and any(
            child.pid and child.exit_status() is None for child in self._children
        ):
            time.sleep(0.02)
        for child in self._children:
            self._end_by_force(child)

    def _end_by_force(self, child: Child) -> None:
        if not child.pid:
            return
        child.signal(signal.SIGKILL)
        child.wait()
        self._list_group("-", child)
        self._tell(child, EventKind.STOPPED)
        child.forget()

    def _summon_guardian(self) -> None:
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "arbsite.guardian"],
            stdin=subprocess.PIPE,
            cwd=self._cwd,
            text=True,
            start_new_session=True,
        )
        for child in self._children:
            if child.pid:
                self._list_group("+", child)

    def _dismiss_guardian(self) -> None:
        if self._guardian is not None:
            self._guardian.communicate()  # closes the pipe: every group is struck off its list by now
            self._guardian = None

    def _list_group(self, sign: str, child: Child) -> None:
        if self._guardian is None or self._guardian.stdin is None:
            return
        try:
            self._guardian.stdin.write(f"{sign}{child.pid}\n")
            self._guardian.stdin.flush()
        except BrokenPipeError:
            pass  # it was killed; the next one is told of every group

    def _tell(self, child: Child, kind: EventKind, detail: str = "") -> None:
        event = ProcessEvent(datetime.now(UTC), child.process.name, kind, child.pid, detail)
        self.events.append(event)
        with (self._log_dir / "supervisor.log").open("a", encoding="utf-8") as log:
            log.write(event.as_json() + "\n")
        self._on_event(event)


def _describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
