"""The runs that there are: how far each came, and what can be done with it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from domain.errors import BadInput, Refused
from domain.scope import Mode, Scope
from ops.locks import advisory
from ops.services import operators
from ops.services.history import delete_run_history
from trading.models import Run

COMPLETE = "complete"
UNDER_WAY = "under way"
BROKEN_OFF = "broken off"
LET_GO_S = 3.0  # how long the server may take to notice that a killed run has gone


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as it is listed."""

    run_id: str
    command: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    last_instant: datetime | None
    digest: str
    can_resume: bool

    def as_json(self) -> dict[str, Any]:
        """Return the line ready for JSON."""
        return {
            "run": self.run_id,
            "command": self.command,
            "state": self.state,
            "started_at": self.started_at.isoformat(),
            "ended_at": _iso(self.ended_at),
            "last_instant": _iso(self.last_instant),
            "digest": self.digest,
            "can_resume": self.can_resume,
        }


def run_lines() -> list[RunLine]:
    """Return every run of the replay mode, the latest first."""
    return [_line(run) for run in Run.objects.in_mode(Mode.REPLAY)]


def run_named(run_id: str) -> Run:
    """Return a run of the replay mode. Raises: BadInput if there is none of that id."""
    run: Run | None = Run.objects.in_scope(Scope(Mode.REPLAY, run_id)).first()
    if run is None:
        raise BadInput(f"there is no run {run_id!r}: manage.py replay --list names those there are")
    return run


@contextmanager
def held(scope: Scope, *, patience_s: float | None = None) -> Iterator[None]:
    """Hold a run for this process alone. Raises: Refused if another process holds it for longer than we wait."""
    until_s = monotonic() + (LET_GO_S if patience_s is None else patience_s)
    while True:
        with advisory(_lock(scope)) as is_ours:
            if is_ours:
                yield
                return
        if monotonic() >= until_s:
            raise Refused(f"run {scope.run_id} is under way in another process")
        sleep(0.1)


def note_broken_off(run: Run, error: BaseException) -> None:
    """Note on the run why it ended early; where the database has gone too, that it did shows by itself."""
    with suppress(OperationalError, InterfaceError):
        Run.objects.filter(pk=run.pk).update(summary={"state": BROKEN_OFF, "error": repr(error)[:500]})


def delete_run(run_id: str, *, actor: str, reason: str) -> int:
    """Delete a run with every row of its scope and return how many there were; the audit trail keeps who and why.

    Raises: BadInput if there is no such run, or without a reason; Refused while it is under way.
    """
    run = run_named(run_id)
    with held(run.scope, patience_s=0), transaction.atomic():
        deleted = delete_run_history(run.scope)
        operators.record(actor, "delete_run", reason, subject=f"{run.command} {run_id}", scope=run.scope)
    return deleted


def _line(run: Run) -> RunLine:
    is_complete = run.summary.get("state") == COMPLETE
    state = COMPLETE if is_complete else _state_of(run.scope)
    return RunLine(
        run_id=run.run_id,
        command=run.command,
        state=state,
        started_at=run.started_at,
        ended_at=run.ended_at,
        last_instant=run.last_instant,
        digest=run.digest,
        can_resume=state == BROKEN_OFF and bool(run.checkpoint),
    )


def _state_of(scope: Scope) -> str:
    """A run that nobody holds has been killed, whatever its row says."""
    with advisory(_lock(scope)) as is_free:
        return BROKEN_OFF if is_free else UNDER_WAY


def _lock(scope: Scope) -> str:
    return f"run:{scope}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
