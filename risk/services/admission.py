"""Admission: who gets room under the limits, and who may still send."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from domain.breakers import BreakerKind, BreakerState
from domain.errors import BadInput
from domain.money import DOWN, EXACT, plain, quantize_down, quantize_up
from domain.scope import Scope
from risk.models import Breaker, Gate, GateState, LimitKind, Reservation
from risk.selectors import Use, breakers_of, held_reservation, use_of
from risk.services.answers import AdmitRequest, Admitted, GateAnswer, Refusal
from risk.services.gate import lock_gate
from risk.services.halting import stop_file_present
from risk.services.limits import Limits, limit_answers, limits_of
from risk.services.probes import give_back, take

WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _Offer:
    """What would be reserved: the request, cut down to the largest trade and to a probe's share."""

    size: Decimal
    notional_usd: Decimal
    worst_loss_usd: Decimal


def admit(request: AdmitRequest, *, scope: Scope, now: datetime) -> Admitted | Refusal:
    """Reserve room for one opportunity under the gate's lock, which is held until the caller's transaction ends.

    Raises: TransactionManagementError outside a transaction; BadInput for a request that is not in numbers.
    """
    gate = lock_gate(scope, now=now)
    _check(request)
    breakers, limits = breakers_of(scope), limits_of(scope)
    probing = [breaker for breaker in breakers if breaker.state == BreakerState.HALF_OPEN]
    offer = _offer(request, cap_usd=limits[LimitKind.MAX_TRADE_USD], share=_share(probing))
    use = use_of(scope, now=now, opportunity_id=request.opportunity_id)
    answers = (
        *_switches(gate),
        *_breaker_answers(breakers),
        _size_answer(offer, limits),
        *limit_answers(limits, _with(use, offer)),
        GateAnswer("already_admitted", not use.is_admitted, f"opportunity {request.opportunity_id}"),
    )
    if refusal := _refusal(answers):
        return refusal
    return _reserve(request, offer, probing, answers, scope=scope, now=now)


def may_send(*, scope: Scope, opening: bool, reservation_id: int | None, now: datetime) -> Refusal | None:
    """Return why an order may not be sent, or None; call it in the transaction that commits SENDING.

    Closing orders always may, but after a restore: until it is reconciled nothing is sent at all. The gate's lock is
    held until that transaction ends, so no trip or halt comes between.
    Raises: TransactionManagementError outside a transaction.
    """
    gate = lock_gate(scope, now=now)
    if gate.state == GateState.UNRECONCILED:
        return _refusal(_switches(gate)[1:])
    if not opening:
        return None
    reservation = held_reservation(scope, reservation_id)
    limits, use = limits_of(scope), use_of(scope, now=now)
    return _refusal(
        (
            *_switches(gate),
            GateAnswer("reservation", reservation is not None, f"reservation {reservation_id}"),
            *_breaker_answers(breakers_of(scope), admitted=reservation.probe_kinds if reservation else ()),
            *limit_answers(limits, use),
        )
    )


def release(reservation_id: int, *, scope: Scope, now: datetime) -> bool:
    """Give back the room of one reservation and its unused probes; return False if that was done before."""
    with transaction.atomic():
        lock_gate(scope, now=now)
        reservation = held_reservation(scope, reservation_id)
        if reservation is None:
            return False
        free(reservation, now=now)
        give_back(reservation.probe_kinds, scope=scope)
        return True


def free(reservation: Reservation, *, now: datetime) -> None:
    """End one reservation; the caller holds the gate's lock."""
    reservation.released_at = max(now, reservation.created_at)
    reservation.save(update_fields=["released_at"])


def _check(request: AdmitRequest) -> None:
    for name in ("size", "notional_usd", "worst_loss_usd"):
        value: Decimal = getattr(request, name)
        if not value.is_finite() or value < 0 or (value == 0 and name != "worst_loss_usd"):
            raise BadInput(f"{name} of opportunity {request.opportunity_id} is {value}; it must be a number above 0")


def _share(probing: Sequence[Breaker]) -> Decimal:
    return settings.ARB.breakers.probe_size if probing else WHOLE


def _offer(request: AdmitRequest, *, cap_usd: Decimal, share: Decimal) -> _Offer:
    factor = min(share, DOWN.divide(min(cap_usd, request.notional_usd), request.notional_usd))
    return _Offer(
        size=quantize_down(EXACT.multiply(request.size, factor)),
        notional_usd=quantize_up(EXACT.multiply(request.notional_usd, factor)),
        worst_loss_usd=quantize_up(EXACT.multiply(request.worst_loss_usd, factor)),
    )


def _with(use: Use, offer: _Offer) -> Use:
    return Use(
        open_executions=use.open_executions + 1,
        exposure_usd=EXACT.add(use.exposure_usd, offer.notional_usd),
        worst_loss_usd=EXACT.add(use.worst_loss_usd, offer.worst_loss_usd),
        loss_today_usd=use.loss_today_usd,
        is_admitted=use.is_admitted,
    )


def _switches(gate: Gate) -> tuple[GateAnswer, GateAnswer]:
    is_active = gate.state == GateState.ACTIVE
    return (
        GateAnswer("stop_file", not stop_file_present(), str(settings.ARB.stop_file)),
        GateAnswer("gate" if is_active else gate.state, is_active, gate.reason),
    )


def _breaker_answers(breakers: Iterable[Breaker], admitted: Sequence[str] | None = None) -> list[GateAnswer]:
    """Return each breaker's answer: to a newcomer where ``admitted`` is None, else to the probe of those kinds."""
    found = {breaker.kind: breaker for breaker in breakers}
    return [_breaker_answer(kind.value, found.get(kind.value), admitted) for kind in sorted(BreakerKind)]


def _breaker_answer(kind: str, breaker: Breaker | None, admitted: Sequence[str] | None) -> GateAnswer:
    name = f"breaker_{kind}"
    if breaker is None:  # never read "closed" from a row that is not there
        return GateAnswer(name, False, "its row is missing")
    if breaker.state == BreakerState.HALF_OPEN:
        passes = breaker.probes_left > 0 if admitted is None else kind in admitted
        return GateAnswer(name, passes, f"half open, {breaker.probes_left} probes left: {breaker.reason}")
    return GateAnswer(name, breaker.state == BreakerState.CLOSED, breaker.reason)


def _size_answer(offer: _Offer, limits: Limits) -> GateAnswer:
    limit = limits[LimitKind.MAX_TRADE_USD]
    return GateAnswer(LimitKind.MAX_TRADE_USD.value, offer.size > 0, f"{plain(offer.notional_usd)} of {plain(limit)}")


def _refusal(answers: tuple[GateAnswer, ...]) -> Refusal | None:
    reason = next((answer.gate for answer in answers if not answer.passed), None)
    return Refusal(reason, answers) if reason else None


def _reserve(
    request: AdmitRequest,
    offer: _Offer,
    probing: Sequence[Breaker],
    answers: tuple[GateAnswer, ...],
    *,
    scope: Scope,
    now: datetime,
) -> Admitted:
    take(probing)
    reservation = Reservation.objects.create(
        **scope.columns,
        opportunity_id=request.opportunity_id,
        route_key=request.route_key,
        symbol=request.symbol,
        size=offer.size,
        notional_usd=offer.notional_usd,
        worst_loss_usd=offer.worst_loss_usd,
        probe_kinds=[breaker.kind for breaker in probing],
        created_at=now,
    )
    return Admitted(reservation.pk, offer.size, answers, is_probe=bool(probing))
