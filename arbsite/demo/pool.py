"""Notices when a worker's child dies: the worker starts another without a word."""

import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from arbsite.demo.journal import Journal
from arbsite.demo.snapshot import ProcessView


class PoolWatch:
    """Follows the children of one supervised worker."""

    def __init__(self, worker: str, journal: Journal) -> None:
        self._worker = worker
        self._journal = journal
        self._parent: int | None = None
        self._children: frozenset[int] = frozenset()

    def look(self, processes: Iterable[ProcessView]) -> None:
        """Compare the worker's children with those of the last look."""
        parent = next((process.pid for process in processes if process.name == self._worker), None)
        children = frozenset(forks_of(parent)) if parent else frozenset()
        if parent is not None and parent == self._parent:
            self._compare(children)
        self._parent, self._children = parent, children

    def _compare(self, children: frozenset[int]) -> None:
        subject, now = f"{self._worker}'s child", datetime.now(UTC)
        for pid in self._children - children:
            self._journal.gone(subject, f"pid {pid} died", at=now)
        for pid in children - self._children:
            self._journal.back(subject, at=now, how=f"the worker started pid {pid}")


def forks_of(pid: int) -> list[int]:
    """Return the children that run the same program as a process: not ``git``, asked once for the commit."""
    program = _program_of(pid)
    return [child for child in children_of(pid) if program is not None and _program_of(child) == program]


def children_of(pid: int) -> list[int]:
    """Return the children of a process; none where it is gone."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:  # not Linux, or the process is gone
        listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in listed.split()]


def _program_of(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:  # as above
        asked = ["ps", "-o", "comm=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or None
