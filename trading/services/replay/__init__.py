"""Recorded data lived through again: the same decide, commit and step on a virtual clock, under a run id of its own."""
