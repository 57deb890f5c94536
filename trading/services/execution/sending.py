"""Sending: the intent is committed under the gate's lock, then both orders go out, then what came back is committed."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from domain.errors import ArbError, OutcomeUnknown, Refused, Unreachable
from domain.execution import ExecutionEvent, LegEvent, LegState
from domain.market import Clock, Side
from domain.timestamps import from_ns
from risk.services import may_send, stop_file_present
from trading.models import Execution, Order
from trading.services.execution.transitions import move_execution, move_order
from trading.services.freshness import refusal_at_sending
from trading.venues import base
from trading.venues.base import TradingVenue

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one order: the venue's acknowledgement, or how it failed."""

    order: Order
    ack: base.Ack | None = None
    error: ArbError | None = None


def prepare(execution: Execution, *, clock: Clock) -> None:
    """Commit the intent to trade: the execution runs, its orders are ready to be sent."""
    now = from_ns(clock.now_ns())
    with transaction.atomic():
        move_execution(execution, ExecutionEvent.START, at=now)
        for order in execution.orders.filter(state=LegState.PLANNED):
            move_order(order, LegEvent.PREPARE, at=now)


def send(execution: Execution, *, venues: Mapping[str, TradingVenue], clock: Clock) -> None:
    """Send every prepared order once; an order already committed as SENDING is never sent again.

    Where what was restored is not reconciled yet, orders stay prepared.
    """
    orders = _commit_sending(execution, clock=clock)
    if orders:
        _record(_place_all(orders, venues=venues, clock=clock), clock=clock)


def _commit_sending(execution: Execution, *, clock: Clock) -> list[Order]:
    now = from_ns(clock.now_ns())
    with transaction.atomic():
        Execution.objects.select_for_update().get(pk=execution.pk)  # rows are locked before the gate, by everybody
        orders = list(execution.orders.filter(state=LegState.PREPARED).select_related("execution"))
        if not orders:
            return []
        opening = any(order.role == Order.Role.OPEN for order in orders)
        refusal = may_send(scope=execution.scope, opening=opening, reservation_id=execution.reservation_id, now=now)
        if opening and refusal is None:
            refusal = refusal_at_sending(execution, now=now)
        if refusal is not None and refusal.is_hold:
            return []
        for order in orders:
            if refusal is not None:
                move_order(order, LegEvent.REFUSE, at=now, reason=refusal.reason, closed_at=now)
            else:
                move_order(order, LegEvent.SEND, at=now, sending_at=now)
    return [] if refusal else orders


def _place_all(orders: list[Order], *, venues: Mapping[str, TradingVenue], clock: Clock) -> list[Answer]:
    """Place one order here or several side by side; no thread touches a row."""
    if len(orders) == 1:
        return [_place(orders[0], venues=venues, clock=clock)]
    with ThreadPoolExecutor(max_workers=len(orders)) as pool:
        # Not pool.map: it would cancel the second leg if the first raised before the second had begun.
        begun = [pool.submit(_place, order, venues=venues, clock=clock) for order in orders]
        return [answer.result() for answer in begun]


def _place(order: Order, *, venues: Mapping[str, TradingVenue], clock: Clock) -> Answer:
    late = timedelta(milliseconds=settings.ARB.trading.not_sent_after_ms)
    assert order.sending_at is not None
    if order.role == Order.Role.OPEN and stop_file_present():
        return Answer(order, error=Refused("stop_file"))
    if from_ns(clock.now_ns()) - order.sending_at > late:
        return Answer(order, error=Refused("not_begun_in_time"))
    try:
        return Answer(order, ack=venues[order.venue].place(order_for_venue(order)))
    except (Refused, Unreachable, OutcomeUnknown) as error:
        return Answer(order, error=error)


def order_for_venue(order: Order) -> base.Order:
    """Return the order as a venue takes it."""
    return base.Order(
        client_id=order.client_id,
        pair=order.market.pair,
        side=Side(order.side),
        quantity=order.quantity,
        limit_price=order.limit_price,
    )


def _record(answers: Iterable[Answer], *, clock: Clock) -> None:
    now = from_ns(clock.now_ns())
    with transaction.atomic():
        for answer in answers:
            if answer.ack is not None:
                move_order(answer.order, LegEvent.ACK, at=now, venue_order_id=answer.ack.venue_order_id)
            elif isinstance(answer.error, Refused):
                move_order(answer.order, LegEvent.REFUSE, at=now, reason=str(answer.error)[:200], closed_at=now)
            else:  # unreachable while placing tells nothing about the order either: ask before anything else
                move_order(answer.order, LegEvent.TIME_OUT, at=now, reason=str(answer.error)[:200])
                log.warning("order_outcome_unknown", order_id=answer.order.pk, error=str(answer.error))
