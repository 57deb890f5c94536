"""What the processes log while they are wounded: every exception that nobody handled, and whether a fault explains it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arbsite.demo.echo import SPEAKS_OF_AN_OUTAGE

_TRACEBACK = "Traceback (most recent call last):"
_BAD_LEVELS = frozenset({"error", "critical"})
_SHOWN = 300
_EARLY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line that tells of an error: with the exception that nobody handled, or as an event for a person."""

    process: str
    at: datetime
    text: str
    is_exception: bool

    def is_echo_of(self, outages: list[tuple[datetime, datetime]]) -> bool:
        """Return whether it speaks of something gone while something was."""
        return bool(SPEAKS_OF_AN_OUTAGE.search(self.text)) and any(
            since - _EARLY <= self.at <= until for since, until in outages
        )


class LogTail:
    """Follows the logs; each call of ``read`` yields what is new."""

    def __init__(self) -> None:
        self._offsets: dict[Path, int] = {}

    def read(self, files: list[Path]) -> Iterator[Trouble]:
        """Yield the troubles logged since the last call."""
        for file in files:
            yield from troubles_in(self._new_lines(file), process=file.stem)

    def _new_lines(self, file: Path) -> list[str]:
        offset = self._offsets.get(file, 0)
        if file.stat().st_size < offset:  # it was rotated
            offset = 0
        with file.open("rb") as stream:
            stream.seek(offset)
            whole = stream.read().rpartition(b"\n")[0]
        self._offsets[file] = offset + len(whole)
        return whole.decode(errors="replace").splitlines()


def troubles_in(lines: list[str], *, process: str) -> Iterator[Trouble]:
    """Yield what a person would have to look at among ``lines``."""
    waiting = iter(lines)
    for line in waiting:
        if line.startswith("{"):
            yield from _from_json(line, process)
        elif line.startswith(_TRACEBACK):
            raised = next((text for text in waiting if not text.startswith(" ")), "a traceback without an end")
            yield Trouble(process, datetime.now(UTC), raised[:_SHOWN], is_exception=True)


def _from_json(line: str, process: str) -> Iterator[Trouble]:
    try:
        fields = json.loads(line)
    except ValueError:
        return
    if not isinstance(fields, dict) or str(fields.get("level")).lower() not in _BAD_LEVELS:
        return
    raised = str(fields.get("exception", "")).strip().splitlines()
    text = ": ".join(
        part for part in (str(fields.get("event", "")), str(fields.get("error", "")), *raised[-1:]) if part
    )
    at = datetime.fromisoformat(str(fields["timestamp"]))
    yield Trouble(process, at, re.sub(r"\s+", " ", text)[:_SHOWN], is_exception=bool(raised))
