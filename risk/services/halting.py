"""Halt and resume: the stop file first, then the gate rows; each says which part took hold."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from domain.errors import Refused
from domain.scope import Scope
from ops.services import operators
from risk import stopfile
from risk.models import GateState
from risk.services.answers import Halted
from risk.services.gate import known_scopes, lock_gate, set_gate

LOCK_WAIT_MS = 1000  # a halt answers within two seconds, whatever holds the gate


def stop_file_present() -> bool:
    """Return whether the stop file is there; read it again just before anything opening is sent."""
    return stopfile.is_present(settings.ARB.stop_file)


def halt(*, reason: str, actor: str, now: datetime, scopes: tuple[Scope, ...], everywhere: bool = True) -> Halted:
    """Stop opening orders: write the stop file, then halt the gates of ``scopes``, or of every scope as well.

    The file alone stops every scope; a gate that waits to be reconciled stops more than a halt, and stays as it is.
    Raises: BadInput without a reason.
    """
    operators.require_reason(reason)
    return Halted(
        file_error=_attempt(lambda: stopfile.write(settings.ARB.stop_file, reason=reason, actor=actor, now=now)),
        database_error=_attempt(
            lambda: _set_all(scopes, everywhere, GateState.HALTED, action="halt", reason=reason, actor=actor, now=now)
        ),
    )


def resume(*, reason: str, actor: str, now: datetime, scopes: tuple[Scope, ...], everywhere: bool = True) -> Halted:
    """Lift the halt: the gates first, then the stop file, which keeps its word if the database fails.

    A gate that waits to be reconciled stays as it is. Raises: BadInput without a reason; Refused where one of
    ``scopes`` waits so.
    """
    operators.require_reason(reason)
    failed = _attempt(
        lambda: _set_all(scopes, everywhere, GateState.ACTIVE, action="resume", reason=reason, actor=actor, now=now)
    )
    if failed:
        return Halted(file_error="kept, because the gate rows were not changed", database_error=failed)
    return Halted(file_error=_attempt(lambda: stopfile.remove(settings.ARB.stop_file)))


def _attempt(act: Callable[[], None]) -> str:
    """Return what went wrong, or nothing: one part of a halt failing must never keep the other from working."""
    try:
        act()
    except (OSError, DatabaseError, InterfaceError) as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return ""


def _set_all(
    scopes: tuple[Scope, ...],
    everywhere: bool,
    state: GateState,
    *,
    action: str,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    with transaction.atomic():
        _bound_the_wait()
        for scope in known_scopes(scopes) if everywhere else scopes:
            gate = lock_gate(scope, now=now)
            if gate.state != GateState.UNRECONCILED:
                set_gate(gate, state, reason=reason if state == GateState.HALTED else "", actor=actor, now=now)
            elif state == GateState.ACTIVE and scope in scopes:
                raise Refused(
                    f"{scope} is not reconciled since its restore: run manage.py reconcile --mode {scope.mode}"
                )
            operators.record(actor, action, reason, scope=scope, subject="gate")


def _bound_the_wait() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_MS}ms"])
