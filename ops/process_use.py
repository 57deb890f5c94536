"""What this process uses, its children included, as /proc has it; where there is none, nothing is told."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ops import metrics
from ops.metering import Sample

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _Stat(NamedTuple):
    """Of one process; the processor time is in ticks, that of children it has waited for included."""

    parent: int
    ticks: int
    started_ticks: int
    pages: int


def process_use() -> Iterator[Sample]:
    """Yield memory, processor time, children, open files and start of this process."""
    known = dict(_stats())
    own = known.get(os.getpid())
    if own is None:
        return
    below = [known[pid] for pid in _below(os.getpid(), known)]
    family = [own, *below]
    yield Sample(metrics.MEMORY, sum(one.pages for one in family) * _PAGE_BYTES)
    yield Sample(metrics.CPU, sum(one.ticks for one in family) / _TICKS_PER_S)
    yield Sample(metrics.CHILDREN, len(below))
    yield Sample(metrics.OPEN_FILES, len(list((_PROC / "self" / "fd").iterdir())))
    yield Sample(metrics.STARTED, _booted_at_s() + own.started_ticks / _TICKS_PER_S)


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
