"""The stream process: feeds keep books in memory, each change is decided at once, one thread writes."""

from trading.services.stream.run import run

__all__ = ["run"]
