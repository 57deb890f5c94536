"""Rows of the trading app, one module per aggregate."""

from trading.models.aggregates import DailyProfitability, HourlyPerformance, KeptHour
from trading.models.balance import Balance
from trading.models.bars import PriceBar, PriceSource
from trading.models.execution import Execution, Fill, LedgerEntry, Order, StateEvent
from trading.models.observation import EdgeObservation, FillObservation
from trading.models.opportunity import EvaluationCount, OfferedEdge, OpenEpisode, Opportunity
from trading.models.reconciliation import Reconciliation
from trading.models.recording import RecordedHour, RecordedPage, Recording
from trading.models.reference import FactKind, ReferenceFact
from trading.models.run import BacktestReport, Run
from trading.models.series import ExecutionLog, MarketSnapshot, MarketVolatility

__all__ = [
    "BacktestReport",
    "Balance",
    "DailyProfitability",
    "EdgeObservation",
    "EvaluationCount",
    "Execution",
    "ExecutionLog",
    "FactKind",
    "Fill",
    "FillObservation",
    "HourlyPerformance",
    "KeptHour",
    "LedgerEntry",
    "MarketSnapshot",
    "MarketVolatility",
    "OfferedEdge",
    "OpenEpisode",
    "Opportunity",
    "Order",
    "PriceBar",
    "PriceSource",
    "Reconciliation",
    "RecordedHour",
    "RecordedPage",
    "Recording",
    "ReferenceFact",
    "Run",
    "StateEvent",
]
