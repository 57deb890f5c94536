"""Breakers: tripped by what happened, recovered by time and probes or by a person; every change is kept."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from domain import breakers as rules
from domain.breakers import BreakerKind, BreakerPosition, BreakerState, Trip, VolatilityReading
from domain.errors import Refused
from domain.money import plain, quantize_up
from domain.scope import Scope
from domain.timestamps import to_ns
from ops.models import Level
from ops.services import operators
from ops.services.alerts import alert
from risk.models import Breaker, BreakerEvent
from risk.selectors import breakers_of, cooled_scopes, history_of
from risk.services.defaults import seed_rows
from risk.services.gate import SYSTEM, lock_gate
from risk.services.limits import follow_environment
from risk.services.thresholds import breaker_config


def trip(
    kind: BreakerKind,
    *,
    scope: Scope,
    reason: str,
    now: datetime,
    actor: str = SYSTEM,
    value: Decimal | None = None,
    threshold: Decimal | None = None,
) -> bool:
    """Open one breaker; of one that is open only the cool-down begins again, and False is returned."""
    operators.require_reason(reason)
    with transaction.atomic():
        breaker = _locked(kind, scope=scope, now=now)
        if breaker.state == BreakerState.OPEN:
            breaker.cool_until = _cool_until(now)
            breaker.save(update_fields=["cool_until"])
            return False
        breaker.value, breaker.threshold = value, threshold
        advance(breaker, rules.BreakerEvent.TRIP, reason=reason, actor=actor, now=now)
        return True


def recover(kind: BreakerKind, *, scope: Scope, actor: str, reason: str, now: datetime) -> None:
    """Let a tripped breaker take fresh probes now, cooled down or not.

    Raises: Refused if it is closed; BadInput without a reason.
    """
    operators.require_reason(reason)
    with transaction.atomic():
        breaker = _locked(kind, scope=scope, now=now)
        if breaker.state == BreakerState.CLOSED:
            raise Refused(f"the {kind.value} breaker of {scope} is closed: there is nothing to recover")
        if breaker.state == BreakerState.OPEN:
            advance(breaker, rules.BreakerEvent.COOLED, reason=reason, actor=actor, now=now)
        else:
            _store(breaker, BreakerPosition(BreakerState.HALF_OPEN), reason=reason, actor=actor, now=now, refill=True)
        operators.record(actor, "recover_breaker", reason, scope=scope, subject=kind.value)


def reset(*, scope: Scope, actor: str, reason: str, now: datetime) -> list[BreakerKind]:
    """Close every breaker of ``scope`` without probes; return those that were not closed. Raises: BadInput."""
    operators.require_reason(reason)
    with transaction.atomic():
        lock_gate(scope, now=now)
        tripped = [breaker for breaker in breakers_of(scope) if breaker.state != BreakerState.CLOSED]
        for breaker in tripped:
            advance(breaker, rules.BreakerEvent.RESET, reason=reason, actor=actor, now=now)
        operators.record(actor, "reset_breakers", reason, scope=scope, subject="all breakers")
    return [BreakerKind(breaker.kind) for breaker in tripped]


def tick(scope: Scope, now: datetime) -> list[BreakerKind]:
    """Let the breakers that have cooled down take probes and return them; add rows that a new version needs."""
    with transaction.atomic():
        lock_gate(scope, now=now)
        seed_rows(scope, now=now)
        follow_environment(scope, now=now)
        cooled = [breaker for breaker in breakers_of(scope) if _has_cooled(breaker, now)]
        for breaker in cooled:
            advance(breaker, rules.BreakerEvent.COOLED, reason="cooled down", actor=SYSTEM, now=now)
    return [BreakerKind(breaker.kind) for breaker in cooled]


def tick_all(now: datetime) -> None:
    """Tick this process's scope and every other one with a breaker that has cooled down."""
    for scope in {settings.ARB.scope, *cooled_scopes(now)}:
        tick(scope, now)


def note_volatility(reading: VolatilityReading, *, scope: Scope, now: datetime) -> bool:
    """Trip the volatility breaker if ``reading`` is a spike; return whether that opened it."""
    found = rules.volatility_spike(reading, breaker_config())
    if found is None:
        return False
    return trip(
        BreakerKind.VOLATILITY,
        scope=scope,
        reason=_say(found, about=reading.symbol),
        now=now,
        value=quantize_up(found.value),
        threshold=found.threshold,
    )


def judge(scope: Scope, *, now: datetime) -> list[Trip]:
    """Trip the closed breakers whose thresholds the scope's results have passed; the caller holds the gate's lock."""
    config, breakers = breaker_config(), breakers_of(scope)
    equity_since = next((row.counts_from for row in breakers if row.kind == BreakerKind.DRAWDOWN), None)
    history = history_of(scope, equity_since=equity_since)
    trips = []
    for breaker in breakers:
        if breaker.state != BreakerState.CLOSED:
            continue
        since = history.since(breaker.counts_from)
        found = rules.evaluate(BreakerKind(breaker.kind), since.outcomes, since.equity, None, config, to_ns(now))
        if found:
            breaker.value, breaker.threshold = quantize_up(found.value), found.threshold
            advance(breaker, rules.BreakerEvent.TRIP, reason=_say(found), actor=SYSTEM, now=now)
            trips.append(found)
    return trips


def advance(breaker: Breaker, event: rules.BreakerEvent, *, reason: str, actor: str, now: datetime) -> None:
    """Move a breaker by the domain's table and keep the event; the caller holds the gate's lock."""
    before = BreakerPosition(BreakerState(breaker.state), breaker.probes_won)
    after = rules.advance_breaker(before, event, probes_to_close=settings.ARB.breakers.probes)
    _store(breaker, after, reason=reason, actor=actor, now=now, refill=event is rules.BreakerEvent.COOLED)


def _store(
    breaker: Breaker, after: BreakerPosition, *, reason: str, actor: str, now: datetime, refill: bool = False
) -> None:
    before, breaker.state, breaker.probes_won = breaker.state, after.state.value, after.probes_won
    if after.state is BreakerState.OPEN:
        breaker.opened_at, breaker.cool_until, breaker.reason = now, _cool_until(now), reason
    if after.state is BreakerState.CLOSED:
        breaker.counts_from = now  # what tripped it once shall not trip it again the moment it recovers
    if refill:
        breaker.probes_left = settings.ARB.breakers.probes
    elif after.state is not BreakerState.HALF_OPEN:
        breaker.probes_left = 0
    breaker.save()
    _keep(breaker, before, reason=reason, actor=actor, now=now)
    if after.state.value != before:
        _tell(breaker, reason)


def _keep(breaker: Breaker, before: str, *, reason: str, actor: str, now: datetime) -> None:
    BreakerEvent.objects.create(
        **breaker.scope.columns,
        kind=breaker.kind,
        before=before,
        after=breaker.state,
        happened_at=now,
        actor=actor,
        reason=reason,
        value=breaker.value,
        threshold=breaker.threshold,
    )


def _tell(breaker: Breaker, reason: str) -> None:
    words = breaker.state.replace("_", " ")
    level = Level.ERROR if breaker.state == BreakerState.OPEN else Level.INFO
    alert(
        f"Breaker {breaker.kind} of {breaker.scope} is {words}",
        reason,
        level,
        key=f"breaker:{breaker.kind}:{breaker.state}",
        scope=breaker.scope,
    )


def _locked(kind: BreakerKind, *, scope: Scope, now: datetime) -> Breaker:
    lock_gate(scope, now=now)
    return Breaker.objects.in_scope(scope).filter(kind=kind.value).first() or Breaker(**scope.columns, kind=kind.value)


def _cool_until(now: datetime) -> datetime:
    return now + timedelta(seconds=breaker_config().cool_down_s)


def _has_cooled(breaker: Breaker, now: datetime) -> bool:
    return breaker.state == BreakerState.OPEN and breaker.cool_until is not None and breaker.cool_until <= now


def _say(found: Trip, *, about: str = "") -> str:
    subject = f"{found.kind.value} of {about}" if about else found.kind.value
    return f"{subject} is {plain(round(found.value, 4))}, threshold {plain(found.threshold)}"
