"""Recorded data lived through again: the same decide, commit and step on a virtual clock, under a run id of its own."""

from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import ReplayResult, new_scope, replay, resume
from trading.services.replay.source import open_source

__all__ = ["ReplayOptions", "ReplayResult", "new_scope", "open_source", "replay", "resume"]
