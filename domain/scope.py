"""Modes and scopes: the key under which every row, breaker and statistic lives."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Where prices and fills come from."""

    SIM = "sim"  # venue doubles on loopback, paper fills
    DRY_RUN = "dry_run"  # real market data, paper fills
    LIVE = "live"  # real orders
    REPLAY = "replay"  # recorded data on a virtual clock


@dataclass(frozen=True, slots=True)
class Scope:
    """A mode and, where runs are told apart, the run: statistics never mix two scopes."""

    mode: Mode
    run_id: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Return the two columns that every row carries; no run is the empty string."""
        return {"mode": self.mode.value, "run_id": self.run_id or ""}

    def __str__(self) -> str:
        return f"{self.mode}/{self.run_id}" if self.run_id else str(self.mode)
