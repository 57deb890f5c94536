"""Sources: files of candles or recordings, opened for the first time or for a run that goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from domain.errors import BadInput
from trading.services.replay.candle_source import open_candles
from trading.services.replay.options import ReplayOptions
from trading.services.replay.recorded_source import open_recordings, reopen_recordings
from trading.services.replay.timeline import Json, Timeline


class Source(Protocol):
    """Something to replay; opening it has found all that is wrong with it."""

    @property
    def options(self) -> ReplayOptions:
        """Return what the caller chose."""

    @property
    def timeline(self) -> Timeline:
        """Return the recorded time."""

    @property
    def where(self) -> Json:
        """Return what opens the same source again."""

    @property
    def assumptions(self) -> dict[str, Any]:
        """Return every figure that the result rests on, ready for JSON."""


def open_source(files: Sequence[Path], options: ReplayOptions) -> Source:
    """Return the files, or without any the recordings that the options name, read and checked to their end.

    Raises: MalformedFileError, MalformedPageError for what is held, BadInput for what was asked, Unreachable.
    """
    if options.recording is None:
        return open_candles(files, options)
    if files:
        raise BadInput(f"--recording and {files[0]} are two sources: name one of them")
    return open_recordings(options)


def reopen_source(where: Json, options: ReplayOptions) -> Source:
    """Return the source of an earlier run. Raises: as ``open_source``."""
    if "files" in where:
        return open_candles([Path(name) for name in where["files"]], options)
    return reopen_recordings(options, where)
