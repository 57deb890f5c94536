"""What processes log that should not be there, found in their files as these grow. It needs no Django."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_TRACEBACK = "Traceback (most recent call last):"
_BAD_LEVELS = frozenset({"error", "critical"})
_SHOWN = 300
# how it reads when a server, a broker or a process went away under somebody
_OF_AN_OUTAGE = re.compile(
    r"connect|OperationalError|InterfaceError|AdminShutdown|CrashShutdown|IdleInTransaction"
    r"|WorkerLostError|TimeLimit|timed? ?out|BrokenPipe|closed the|terminat"
    r"|starting up|shutting down|recovery|unreachable|database|broker|redis|exited with|SIGKILL|signal 9",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LoggedError:
    """A line of level error or worse, or a traceback that nobody put into a line."""

    process: str
    at: datetime
    text: str
    is_exception: bool  # which nobody handled; else an event for a person

    @property
    def speaks_of_an_outage(self) -> bool:
        """Whether it reads like the echo of something that went away."""
        return bool(_OF_AN_OUTAGE.search(self.text))


class LogTail:
    """Follows log files; each call of ``read`` yields what is new."""

    def __init__(self) -> None:
        self._offsets: dict[Path, int] = {}

    def read(self, files: Sequence[Path]) -> Iterator[LoggedError]:
        """Yield the errors logged since the last call."""
        for file in files:
            yield from errors_in(self._new_lines(file), process=file.stem)

    def _new_lines(self, file: Path) -> list[str]:
        offset = self._offsets.get(file, 0)
        if file.stat().st_size < offset:  # it was rotated
            offset = 0
        with file.open("rb") as stream:
            stream.seek(offset)
            whole, newline, _ = stream.read().rpartition(b"\n")
        self._offsets[file] = offset + len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()


def errors_in(lines: list[str], *, process: str) -> Iterator[LoggedError]:
    """Yield what a person would have to look at among ``lines``."""
    waiting = iter(lines)
    for line in waiting:
        if line.startswith("{"):
            yield from _from_json(line, process)
        elif line.startswith(_TRACEBACK):
            raised = _last_line_of_traceback(waiting)
            yield LoggedError(process, datetime.now(UTC), raised[:_SHOWN], is_exception=True)


def _from_json(line: str, process: str) -> Iterator[LoggedError]:
    try:
        fields = json.loads(line)
    except ValueError:
        return
    if isinstance(fields, dict) and str(fields.get("level")).lower() in _BAD_LEVELS:
        raised = str(fields.get("exception", "")).strip().splitlines()
        told = (str(fields.get("event", "")), str(fields.get("error", "")), *raised[-1:])
        text = re.sub(r"\s+", " ", ": ".join(part for part in told if part))
        yield LoggedError(process, _instant(fields.get("timestamp")), text[:_SHOWN], is_exception=bool(raised))


def _instant(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _last_line_of_traceback(lines: Iterator[str]) -> str:
    """Return what was raised: the first line that is not indented."""
    return next((line for line in lines if not line.startswith(" ")), "a traceback without an end")
