"""What the demo saw happen: what died or went away, when it was back, when trading went on."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from arbsite.demo.snapshot import FeedLine
from arbsite.supervisor import EventKind, ProcessEvent

_KEPT_LINES = 200
_AFTERMATH = timedelta(seconds=30)


@dataclass(slots=True)
class Disturbance:
    """Something that died or went away under the demo's eyes."""

    subject: str
    what: str
    at: datetime
    back_at: datetime | None = None
    trading_at: datetime | None = None

    def explains(self, at: datetime) -> bool:
        """Whether trouble at this instant may come from it: while it lasts and in the 30 s after."""
        ended = self.back_at is None or at <= self.back_at + _AFTERMATH
        return self.at - timedelta(seconds=2) <= at and ended

    def as_json(self, started_at: datetime) -> dict[str, Any]:
        """Return it as a line of the summary; seconds count from the start of the processes, or from the event."""
        return {
            "at_s": _seconds(started_at, self.at),
            "subject": self.subject,
            "what": self.what,
            "back_after_s": _seconds(self.at, self.back_at),
            "trading_again_after_s": _seconds(self.at, self.trading_at),
        }


class Journal:
    """The disturbances so far, and the lines that tell of them. The supervisor's thread writes here too."""

    def __init__(self) -> None:
        self.disturbances: list[Disturbance] = []
        self._lines: deque[FeedLine] = deque(maxlen=_KEPT_LINES)
        self._stopping_at: datetime | None = None

    def say(self, at: datetime, text: str, *, level: str = "info") -> None:
        """Add a line to the feed."""
        self._lines.append(FeedLine(at, level, text))

    def stopping(self, at: datetime) -> None:
        """Note that the demo itself ends everything now: what its processes say of lost connections is expected."""
        self._stopping_at = at

    def on_process(self, event: ProcessEvent) -> None:
        """Take in what the supervisor tells."""
        if event.kind is EventKind.DIED:
            self.gone(event.process, event.detail, at=event.at)
        elif event.kind is EventKind.RESTARTED:
            self.back(event.process, at=event.at, how=f"started again as pid {event.pid}")

    def gone(self, subject: str, what: str, *, at: datetime) -> None:
        """Note that ``subject`` died or cannot be reached."""
        if self._open(subject) is None:
            self.disturbances.append(Disturbance(subject, what, at))
            self.say(at, f"{subject} is gone: {what}", level="error")

    def back(self, subject: str, *, at: datetime, how: str = "answers again") -> None:
        """Note that ``subject`` is there again."""
        disturbance = self._open(subject)
        if disturbance is not None:
            disturbance.back_at = at
            self.say(at, f"{subject} is back after {_seconds(disturbance.at, at)} s: {how}", level="warning")

    def traded(self, at: datetime) -> None:
        """Note that an execution settled at ``at``: what went away before it is behind us."""
        waiting = [one for one in self.disturbances if one.trading_at is None and one.back_at and one.at < at]
        for disturbance in waiting:
            disturbance.trading_at = at
            self.say(at, f"trading goes on, {_seconds(disturbance.at, at)} s after {disturbance.subject} was gone")

    def explains(self, at: datetime) -> bool:
        """Whether something that the demo saw may be the cause of trouble at this instant."""
        if self._stopping_at is not None and at >= self._stopping_at:
            return True
        return any(disturbance.explains(at) for disturbance in list(self.disturbances))

    def lines(self) -> tuple[FeedLine, ...]:
        """Return the latest lines, oldest first."""
        return tuple(self._lines)

    def _open(self, subject: str) -> Disturbance | None:
        return next((one for one in self.disturbances if one.subject == subject and one.back_at is None), None)


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start).total_seconds(), 1)
