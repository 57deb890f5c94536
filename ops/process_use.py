"""What a process uses, its children included, as /proc has it; where there is none, nothing is told."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

MEMORY = "arbsite_process_memory_bytes"

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _Stat(NamedTuple):
    """Of one process; the processor time is in ticks, that of children it has waited for included."""

    parent: int
    ticks: int
    started_ticks: int
    pages: int


class Use(NamedTuple):
    """What a process uses; the start is in seconds since 1970."""

    memory_bytes: int
    cpu_s: float
    children: int
    open_files: int
    started_at_s: float


class ProcessUse(Collector):
    """Tells memory, processor time, children, open files and start of this process when it is asked."""

    def describe(self) -> list[Metric]:
        """Return the names that can be asked for alone."""
        return _told(Use(0, 0.0, 0, 0, 0.0))

    def collect(self) -> list[Metric]:
        """Return what is used just now."""
        use = process_use(os.getpid())
        return [] if use is None else _told(use)


def process_use(pid: int) -> Use | None:
    """Return what a process uses just now."""
    known = dict(_stats())
    own = known.get(pid)
    if own is None:
        return None
    below = [known[child] for child in _below(pid, known)]
    family = [own, *below]
    return Use(
        memory_bytes=sum(one.pages for one in family) * _PAGE_BYTES,
        cpu_s=sum(one.ticks for one in family) / _TICKS_PER_S,
        children=len(below),
        open_files=len(list((_PROC / str(pid) / "fd").iterdir())),
        started_at_s=_booted_at_s() + own.started_ticks / _TICKS_PER_S,
    )


def _told(use: Use) -> list[Metric]:
    return [
        GaugeMetricFamily(MEMORY, "Resident memory, children included.", use.memory_bytes),
        CounterMetricFamily("arbsite_process_cpu_seconds_total", "Processor time, children included.", use.cpu_s),
        GaugeMetricFamily("arbsite_process_children", "Processes below this one.", use.children),
        GaugeMetricFamily("arbsite_process_open_files", "Open files and sockets.", use.open_files),
        GaugeMetricFamily(
            "arbsite_process_start_time_seconds", "When the process started, since 1970.", use.started_at_s
        ),
    ]


def _stats() -> Iterator[tuple[int, _Stat]]:
    if not (_PROC / "self" / "stat").exists():
        return
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile
            yield int(folder.name), _parsed(text)


def _parsed(text: str) -> _Stat:
    """Return the fields of proc(5); the program's name before them may hold spaces and brackets."""
    fields = text.rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return _Stat(parent=int(fields[1]), ticks=ticks, started_ticks=int(fields[19]), pages=int(fields[21]))


def _below(pid: int, known: dict[int, _Stat]) -> Iterator[int]:
    for child, stat in known.items():
        if stat.parent == pid:
            yield child
            yield from _below(child, known)


def _booted_at_s() -> float:
    lines = (_PROC / "stat").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("btime")))
