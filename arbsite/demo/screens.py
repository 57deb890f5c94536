"""Where the show is shown: a live screen on a terminal, plain lines elsewhere."""

from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live

from arbsite.demo.console import render
from arbsite.demo.plain import PlainScreen
from arbsite.demo.snapshot import Snapshot


class Screen(Protocol):
    """Shows one snapshot after another."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the latest snapshot."""

    def __enter__(self) -> Self:
        """Take the stream over."""

    def __exit__(self, *_: object) -> None:
        """Give it back."""


class LiveScreen:
    """The whole terminal, drawn anew for every snapshot; the terminal is as it was at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the snapshot to the terminal's present size."""
        size = self._console.size
        self._live.update(render(snapshot, width=size.width, height=size.height), refresh=True)


def screen_for(stream: TextIO) -> Screen:
    """Return the screen that suits ``stream``."""
    return LiveScreen(stream) if stream.isatty() else PlainScreen(stream)
