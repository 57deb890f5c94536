"""What trading, tasks, commands and the admin ask of risk.

Lock order: whoever locks an execution's or an order's row and the gate locks the row first; whoever locks several
gates locks them by mode and run.
"""

from risk.services.admission import admit, may_send, release
from risk.services.answers import AdmitRequest, Admitted, GateAnswer, Halted, Headroom, OutcomeReport, Refusal
from risk.services.breakers import note_volatility, recover, reset, tick, tick_all, trip
from risk.services.gate import (
    end_reconciliation,
    end_wind_down,
    known_scopes,
    require_reconciliation,
    unreconciled_scopes,
    wind_down,
)
from risk.services.halting import halt, resume, stop_file_present
from risk.services.limits import headroom, set_limit
from risk.services.outcomes import record_outcome
from risk.services.overview import Status, status

__all__ = [
    "AdmitRequest",
    "Admitted",
    "GateAnswer",
    "Halted",
    "Headroom",
    "OutcomeReport",
    "Refusal",
    "Status",
    "admit",
    "end_reconciliation",
    "end_wind_down",
    "halt",
    "headroom",
    "known_scopes",
    "may_send",
    "note_volatility",
    "record_outcome",
    "recover",
    "release",
    "require_reconciliation",
    "reset",
    "resume",
    "set_limit",
    "status",
    "stop_file_present",
    "tick",
    "tick_all",
    "trip",
    "unreconciled_scopes",
    "wind_down",
]
