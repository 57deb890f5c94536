"""Risk's rows, one file per aggregate."""

from risk.models.breaker import Breaker, BreakerEvent
from risk.models.equity import EquityMark
from risk.models.gate import Gate, GateState
from risk.models.limit import Limit, LimitKind
from risk.models.outcome import Outcome
from risk.models.reservation import Reservation

__all__ = [
    "Breaker",
    "BreakerEvent",
    "EquityMark",
    "Gate",
    "GateState",
    "Limit",
    "LimitKind",
    "Outcome",
    "Reservation",
]
