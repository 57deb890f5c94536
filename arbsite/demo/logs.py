"""Reads what the processes log while they run, and tells what the demo explains from what it does not."""

from pathlib import Path

from arbsite.demo.errors import LoggedError, LogTail
from arbsite.demo.journal import Journal


class LogReader:
    """Gathers the errors of one run, and knows which of them the demo itself explains."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._tail = LogTail()
        self.errors: list[LoggedError] = []

    def read(self) -> None:
        """Take in what was logged since the last call."""
        self.errors += self._tail.read(sorted(self._folder.glob("*.log")))

    def unexpected(self) -> list[LoggedError]:
        """Return the errors that nothing the demo saw explains."""
        return [error for error in self.errors if not self._is_explained(error)]

    def explained(self) -> list[LoggedError]:
        """Return the errors that echo a death or an outage the demo saw."""
        return [error for error in self.errors if self._is_explained(error)]

    def _is_explained(self, error: LoggedError) -> bool:
        return error.speaks_of_an_outage and self._journal.explains(error.at)
