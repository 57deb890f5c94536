"""Outcomes: what trading tells when an execution has ended, and what risk makes of it."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from domain import breakers as rules
from domain.breakers import BreakerKind, BreakerState
from domain.errors import BadInput
from domain.money import EXACT, plain
from domain.scope import Scope
from risk.models import EquityMark, Outcome, Reservation
from risk.selectors import breakers_of, latest_equity, reservation
from risk.services.admission import free
from risk.services.answers import OutcomeReport
from risk.services.breakers import advance, judge
from risk.services.gate import SYSTEM, lock_gate
from risk.services.limits import starting_equity
from risk.services.probes import give_back

MONEY = ("net_usd", "gross_usd", "fees_usd", "gas_usd", "notional_usd")
EXECUTION_KINDS = frozenset({BreakerKind.EXECUTION_FAILURES.value})


def record_outcome(report: OutcomeReport, *, scope: Scope) -> None:
    """Store how an execution ended, free its room, and trip what must trip, under the gate's lock.

    A second report of the same execution changes nothing. Raises: BadInput for a report that is not in numbers.
    """
    _check(report)
    now = report.settled_at
    with transaction.atomic():
        lock_gate(scope, now=now)
        if Outcome.objects.in_scope(scope).filter(execution_id=report.execution_id).exists():
            return
        room = reservation(scope, report.reservation_id)
        _store(report, probe=bool(room and room.probe_kinds), scope=scope)
        _mark_equity(report, scope=scope)
        if room:
            _settle(room, report, scope=scope)
        judge(scope, now=now)


def _check(report: OutcomeReport) -> None:
    optional = (report.predicted_slippage_bps, report.realised_slippage_bps, report.equity_usd)
    numbers = [getattr(report, name) for name in MONEY] + [value for value in optional if value is not None]
    if not all(number.is_finite() for number in numbers):
        raise BadInput(f"the outcome of execution {report.execution_id} holds something that is not a number")


def _store(report: OutcomeReport, *, probe: bool, scope: Scope) -> None:
    Outcome.objects.create(
        **scope.columns,
        execution_id=report.execution_id,
        settled_at=report.settled_at,
        **{name: getattr(report, name) for name in MONEY},
        executed=report.executed,
        both_legs_as_planned=report.both_legs_as_planned,
        unwound=report.unwound,
        predicted_slippage_bps=report.predicted_slippage_bps,
        realised_slippage_bps=report.realised_slippage_bps,
        probe=probe,
    )


def _mark_equity(report: OutcomeReport, *, scope: Scope) -> None:
    stated = report.equity_usd
    before = latest_equity(scope)
    if before is None:
        before = starting_equity() if stated is None else EXACT.subtract(stated, report.net_usd)
        _mark(before, at=report.settled_at, scope=scope)
    _mark(EXACT.add(before, report.net_usd) if stated is None else stated, at=report.settled_at, scope=scope)


def _mark(equity_usd: Decimal, *, at: datetime, scope: Scope) -> None:
    EquityMark.objects.create(**scope.columns, timestamp=at, equity_usd=equity_usd)


def _settle(room: Reservation, report: OutcomeReport, *, scope: Scope) -> None:
    if room.released_at is None:
        free(room, now=report.settled_at)
    for breaker in breakers_of(scope):
        if breaker.kind not in room.probe_kinds or breaker.state != BreakerState.HALF_OPEN:
            continue
        event = _verdict(breaker.kind, report)
        if event is None:
            give_back([breaker.kind], scope=scope)
        else:
            words = event.value.replace("_", " ")
            reason = f"{words}: execution {report.execution_id}, net {plain(round(report.net_usd, 2))} USD"
            advance(breaker, event, reason=reason, actor=SYSTEM, now=report.settled_at)


def _verdict(kind: str, report: OutcomeReport) -> rules.BreakerEvent | None:
    """Return whether a probe was won or lost; None where nothing was filled and it therefore proved nothing."""
    if kind in EXECUTION_KINDS:
        is_won = report.both_legs_as_planned
    elif not report.executed:
        return None
    else:
        is_won = report.net_usd > 0
    return rules.BreakerEvent.PROBE_WON if is_won else rules.BreakerEvent.PROBE_LOST
