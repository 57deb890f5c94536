"""Processes as the system's own files tell of them: parents, children, command lines, age and memory."""

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def every_pid() -> list[int]:
    """Return every process of the machine."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def parent_of(pid: int) -> int:
    """Return a process's parent, 0 where the process has gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def children_of(pid: int) -> list[int]:
    """Return a process's children, oldest first."""
    return sorted(child for child in every_pid() if parent_of(child) == pid)


def descendants_of(pid: int) -> list[int]:
    """Return a process's children and theirs."""
    return [one for child in children_of(pid) for one in (child, *descendants_of(child))]


def command_line(pid: int) -> str:
    """Return a process's command line, empty where it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def option_of(text: str, name: str) -> str:
    """Return the value of ``name=value`` on a command line, empty where it is not there."""
    return next((word.partition("=")[2] for word in text.split() if word.startswith(f"{name}=")), "")


def age_and_memory(pid: int) -> tuple[float, int] | None:
    """Return a process's age in s and the memory of its own in bytes, None where it has gone.

    Pages of files, such as libraries, are not its own: the kernel takes and gives them as they are used.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident, of_files = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    started_s = int(fields[19]) / _TICKS_PER_S
    return uptime_s - started_s, (resident - of_files) * _PAGE_BYTES
