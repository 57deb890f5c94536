"""Watchers: whoever wants to see every instant of a replay, and goes on with it where it was broken off."""

from typing import Protocol

from domain.routes import MarketView
from trading.services.replay.timeline import Json


class Watcher(Protocol):
    """Sees each instant after its decisions; what it remembers is stored with the run."""

    def note(self, now_ns: int, view: MarketView) -> None:
        """Take in one instant."""

    def state(self) -> Json:
        """Return what ``restore`` needs to go on from here, ready for JSON."""

    def restore(self, state: Json) -> None:
        """Go on from where another watcher of the same kind stood."""
