"""Recorded data lived through again: the same decide, commit and step on a virtual clock, under a run id of its own."""

from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import ReplayResult, replay

__all__ = ["ReplayOptions", "ReplayResult", "replay"]
