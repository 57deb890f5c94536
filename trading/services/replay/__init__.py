"""Recorded data lived through again: the same decide, commit and step on a virtual clock, under a run id of its own."""

from trading.services.replay.opening import open_source
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import ReplayResult, new_scope, replay, resume

__all__ = ["ReplayOptions", "ReplayResult", "new_scope", "open_source", "replay", "resume"]
