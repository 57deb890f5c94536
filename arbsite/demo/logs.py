"""Reads what the processes log while they run, and picks out what should not be there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from arbsite.demo.echo import SPEAKS_OF_AN_OUTAGE
from arbsite.demo.journal import Journal

_TRACEBACK = "Traceback (most recent call last):"
_BAD_LEVELS = frozenset({"error", "critical"})
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class LoggedError:
    """A line of level error or worse, or a traceback that nobody put into a line."""

    process: str
    at: datetime
    text: str

    @property
    def speaks_of_an_outage(self) -> bool:
        """Whether it reads like the echo of something that went away."""
        return bool(SPEAKS_OF_AN_OUTAGE.search(self.text))


class LogReader:
    """Follows the log files of one run."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._offsets: dict[Path, int] = {}
        self._remainders: dict[Path, bytes] = {}
        self.errors: list[LoggedError] = []

    def read(self) -> None:
        """Take in what was logged since the last call."""
        for file in sorted(self._folder.glob("*.log")):
            for error in errors_in(self._new_lines(file), process=file.stem):
                self._take(error)

    def unexpected(self) -> list[LoggedError]:
        """Return the errors that nothing the demo saw explains."""
        return [error for error in self.errors if not self._is_explained(error)]

    def explained(self) -> list[LoggedError]:
        """Return the errors that echo a death or an outage the demo saw."""
        return [error for error in self.errors if self._is_explained(error)]

    def _is_explained(self, error: LoggedError) -> bool:
        return error.speaks_of_an_outage and self._journal.explains(error.at)

    def _take(self, error: LoggedError) -> None:
        self.errors.append(replace(error, text=error.text[:_SHOWN]))

    def _new_lines(self, file: Path) -> list[str]:
        offset = self._offsets.get(file, 0)
        if file.stat().st_size < offset:  # it was rotated
            offset = 0
        with file.open("rb") as stream:
            stream.seek(offset)
            text = self._remainders.pop(file, b"") + stream.read()
            self._offsets[file] = stream.tell()
        whole, newline, rest = text.rpartition(b"\n")
        self._remainders[file] = rest
        return (whole + newline).decode(errors="replace").splitlines()


def errors_in(lines: list[str], *, process: str) -> Iterator[LoggedError]:
    """Yield what a person would have to look at among ``lines``."""
    waiting = iter(lines)
    for line in waiting:
        if line.startswith("{"):
            yield from _from_json(line, process)
        elif line.startswith(_TRACEBACK):
            yield LoggedError(process, datetime.now(UTC), _last_line_of_traceback(waiting))


def _from_json(line: str, process: str) -> Iterator[LoggedError]:
    try:
        fields = json.loads(line)
    except ValueError:
        return
    if isinstance(fields, dict) and str(fields.get("level")).lower() in _BAD_LEVELS:
        yield LoggedError(process, _instant(fields.get("timestamp")), _text_of(fields))


def _text_of(fields: dict[str, object]) -> str:
    exception = str(fields.get("exception", "")).strip().splitlines()
    told = [str(fields.get(name, "")) for name in ("event", "error")] + exception[-1:]
    return ": ".join(part for part in told if part)


def _instant(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _last_line_of_traceback(lines: Iterator[str]) -> str:
    """Return what was raised: the first line that is not indented."""
    return next((line for line in lines if not line.startswith(" ")), "a traceback without an end")
