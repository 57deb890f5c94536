"""The gate row: the lock that everything which opens or stops trading takes first."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from domain.scope import Mode, Scope
from risk.models import Gate, GateState
from risk.services.defaults import seed_rows

SYSTEM = "system"


def lock_gate(scope: Scope, *, now: datetime) -> Gate:
    """Return the scope's gate, locked until the caller's transaction ends; the first call in a scope creates it.

    Raises: TransactionManagementError outside a transaction, where the lock would be let go at once.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            f"the gate of {scope} is held until commit: open a transaction first"
        )
    gate = _locked(scope)
    if gate is None:
        Gate.objects.bulk_create([Gate(**scope.columns, changed_at=now, actor=SYSTEM)], ignore_conflicts=True)
        gate = Gate.objects.in_scope(scope).select_for_update().get()
        seed_rows(scope, now=now)
    return gate


def set_gate(gate: Gate, state: GateState, *, reason: str, actor: str, now: datetime) -> None:
    """Store the gate's new state; the caller holds its lock."""
    gate.state, gate.reason, gate.actor, gate.changed_at = state, reason, actor, now
    gate.save(update_fields=["state", "reason", "actor", "changed_at"])


def wind_down(scope: Scope, *, reason: str, actor: str, now: datetime) -> None:
    """Let ``scope`` send closing orders alone until ``end_wind_down``; a halt stays a halt."""
    with transaction.atomic():
        gate = lock_gate(scope, now=now)
        if gate.state == GateState.ACTIVE:
            set_gate(gate, GateState.REDUCING, reason=reason, actor=actor, now=now)


def end_wind_down(scope: Scope, *, actor: str, now: datetime) -> None:
    """Let ``scope`` open orders again after ``wind_down``; a halt stays a halt."""
    with transaction.atomic():
        gate = lock_gate(scope, now=now)
        if gate.state == GateState.REDUCING:
            set_gate(gate, GateState.ACTIVE, reason="", actor=actor, now=now)


def require_reconciliation(scope: Scope, *, reason: str, actor: str, now: datetime) -> None:
    """Let ``scope`` send nothing, opening or closing, until ``end_reconciliation``."""
    with transaction.atomic():
        set_gate(lock_gate(scope, now=now), GateState.UNRECONCILED, reason=reason, actor=actor, now=now)


def end_reconciliation(scope: Scope, *, reason: str, actor: str, now: datetime) -> bool:
    """Halt ``scope`` where it waited to be reconciled, and return whether it did: a person resumes."""
    with transaction.atomic():
        gate = lock_gate(scope, now=now)
        if gate.state != GateState.UNRECONCILED:
            return False
        set_gate(gate, GateState.HALTED, reason=reason, actor=actor, now=now)
        return True


def unreconciled_scopes(mode: Mode) -> list[Scope]:
    """Return the scopes of ``mode`` that wait to be reconciled."""
    waiting = Gate.objects.in_mode(mode).filter(state=GateState.UNRECONCILED).order_by("run_id")
    return [gate.scope for gate in waiting]


def known_scopes(scopes: Iterable[Scope]) -> list[Scope]:
    """Return the scopes that have a gate and those given, in the one order in which several are ever locked."""
    stored = (gate.scope for gate in Gate.objects.only("mode", "run_id"))
    return sorted({*stored, *scopes}, key=lambda scope: (scope.mode.value, scope.run_id or ""))


def _locked(scope: Scope) -> Gate | None:
    return Gate.objects.in_scope(scope).select_for_update().first()
