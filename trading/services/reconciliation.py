"""Reconciliation: what our rows say is compared, and after a restore it is what lets orders be sent again.

On paper a venue is our own rows, so comparing them with each other is all there is to ask. Live venues are asked for
orders, fills and balances beside it once there are any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from django.db import transaction

from domain.execution import EXECUTION_TERMINAL, ExecutionState, LegState
from domain.market import Clock
from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from ops import correlation
from ops.reports import plural
from ops.services import alerts, operators
from risk.services import end_reconciliation, unreconciled_scopes
from trading.models import Execution, Order, Reconciliation
from trading.selectors.differences import ALWAYS, Difference, differences_of
from trading.services import execution
from trading.venues.base import TradingVenue

log = structlog.get_logger(__name__)

SYSTEM = "system"
RECENT = timedelta(hours=48)
RELEASED = "reconciled after a restore: resume when it is understood"
UNKNOWN = (LegState.SENDING, LegState.OPEN, LegState.PARTIAL, LegState.CHECKING)
_TOLD = 20  # differences that an alert spells out


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found in one scope, and what still stands open there."""

    scope: Scope
    differences: tuple[Difference, ...]
    orders_unknown: tuple[str, ...]  # at a venue, or perhaps: the venue is asked again
    executions_open: tuple[str, ...]
    needing_person: tuple[str, ...]
    is_waiting: bool = False  # restored, and not yet free to send
    is_released: bool = False  # it was waiting until now

    @property
    def is_clean(self) -> bool:
        """Whether everything agrees and nothing keeps a restored scope from sending."""
        return not self.differences and not self.is_waiting


def scopes_of(scope: Scope) -> list[Scope]:
    """Return ``scope`` and whatever else of its mode waits to be reconciled."""
    return [scope, *(one for one in unreconciled_scopes(scope.mode) if one != scope)]


def compare(scope: Scope, *, whole: bool, clock: Clock) -> Comparison:
    """Return what disagrees in ``scope``, nothing asked of venues and nothing written.

    Not ``whole``: of executions those of the last two days and every open one.
    """
    since = ALWAYS if whole else from_ns(clock.now_ns()) - RECENT
    unknown = Order.objects.in_scope(scope).filter(state__in=UNKNOWN)
    open_ones = Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL)
    left = Execution.objects.in_scope(scope).filter(state=ExecutionState.NEEDS_PERSON)
    return Comparison(
        scope,
        tuple(differences_of(scope, since=since)),
        orders_unknown=tuple(f"{order.pk} {order}" for order in unknown.order_by("pk")),
        executions_open=tuple(map(str, open_ones.order_by("pk"))),
        needing_person=tuple(map(str, left.order_by("pk"))),
        is_waiting=scope in unreconciled_scopes(scope.mode),
    )


def reconcile(
    scope: Scope, *, venues: Mapping[str, TradingVenue], clock: Clock, actor: str = SYSTEM, reason: str = RELEASED
) -> Comparison:
    """Compare ``scope``, store the result, tell people of differences; let a restored scope send closing orders again.

    A restored scope is compared whole, its venues asked first, and halted once everything agrees: a person resumes.
    """
    if is_waiting := scope in unreconciled_scopes(scope.mode):
        _ask_venues(scope, venues=venues, clock=clock)
    with correlation.correlated(correlation.current() or correlation.new()):
        found = compare(scope, whole=is_waiting or actor != SYSTEM, clock=clock)
        return _store(found, actor=actor, reason=reason, clock=clock)


def as_words(found: Comparison) -> str:
    """Return a comparison in lines for people."""
    about = f"{found.scope}: {plural(len(found.differences), 'difference')}"
    left = (
        ("order of unknown outcome", found.orders_unknown),
        ("execution under way", found.executions_open),
        ("execution that needs a person", found.needing_person),
    )
    return "\n".join(
        (
            f"{about}; {_gate_said(found)}",
            *(f"  {one}" for one in found.differences),
            *(f"  {name}: {one}" for name, listed in left for one in listed),
        )
    )


def _gate_said(found: Comparison) -> str:
    if found.is_released:
        return "it is halted now, and manage.py resume lets it open orders again"
    return "nothing is sent since its restore until this is clean" if found.is_waiting else "nothing is held back"


def _ask_venues(scope: Scope, *, venues: Mapping[str, TradingVenue], clock: Clock) -> None:
    for row in Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).order_by("pk"):
        execution.look(row.pk, venues=venues, clock=clock)


def _store(found: Comparison, *, actor: str, reason: str, clock: Clock) -> Comparison:
    now = from_ns(clock.now_ns())
    with transaction.atomic():
        Reconciliation.objects.create(
            **found.scope.columns,
            timestamp=now,
            differences=len(found.differences),
            detail=[str(one) for one in found.differences],
            correlation_id=correlation.current(),
        )
        if found.differences:
            _tell(found)
        if actor != SYSTEM:
            operators.record(actor, "reconcile", reason, scope=found.scope, subject=_gate_said(found))
        if found.differences or found.orders_unknown or not found.is_waiting:
            return found
        end_reconciliation(found.scope, reason=reason, actor=actor, now=now)
        log.info("scope_reconciled", scope=str(found.scope), executions_open=len(found.executions_open))
        return replace(found, is_waiting=False, is_released=True)


def _tell(found: Comparison) -> None:
    if found.scope.mode is Mode.REPLAY:
        return
    spelt = "\n".join(str(one) for one in found.differences[:_TOLD])
    alerts.alert(
        "Our rows disagree",
        f"{plural(len(found.differences), 'difference')} in {found.scope}:\n{spelt}",
        level="error",
        key="reconciliation",
        scope=found.scope,
    )
