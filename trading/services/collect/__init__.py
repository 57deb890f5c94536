"""Collecting: the dry run on public data in one process, recorded, without a worker and without a key."""

from trading.services.collect.run import collect, look_once

__all__ = ["collect", "look_once"]
