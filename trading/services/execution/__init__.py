"""The life of an order: commit the intent, act with no transaction open, commit the outcome."""

from trading.services.execution.step import look, step

__all__ = ["look", "step"]
