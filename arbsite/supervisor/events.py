"""What happened to a supervised process."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What can happen to a process."""

    STARTED = "process_started"
    DIED = "process_died"
    RESTARTED = "process_restarted"
    STOPPED = "process_stopped"


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """One event of one process."""

    at: datetime
    process: str
    kind: EventKind
    pid: int
    detail: str = ""

    def as_json(self) -> str:
        """Return the event as a line of the supervisor's log."""
        level = "warning" if self.kind is EventKind.DIED else "info"
        fields = {"timestamp": self.at.isoformat(), "level": level, "event": str(self.kind), "process": self.process}
        return json.dumps(fields | {"pid": self.pid} | ({"detail": self.detail} if self.detail else {}))
