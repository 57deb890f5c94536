"""Rows of the trading app, one module per aggregate."""

from trading.models.balance import Balance
from trading.models.execution import Execution, Fill, LedgerEntry, Order, StateEvent
from trading.models.observation import EdgeObservation, FillObservation
from trading.models.opportunity import EvaluationCount, OpenEpisode, Opportunity
from trading.models.run import Run
from trading.models.series import ExecutionLog, MarketSnapshot, MarketVolatility

__all__ = [
    "Balance",
    "EdgeObservation",
    "EvaluationCount",
    "Execution",
    "ExecutionLog",
    "Fill",
    "FillObservation",
    "LedgerEntry",
    "MarketSnapshot",
    "MarketVolatility",
    "OpenEpisode",
    "Opportunity",
    "Order",
    "Run",
    "StateEvent",
]
