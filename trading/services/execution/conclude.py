"""Concluding: both legs are closed, so the execution is even and settles, or what is left open is undone first."""

from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction

from domain.breakers import BreakerKind
from domain.execution import LEG_TERMINAL, ExecutionEvent, LegEvent
from domain.ledger import OURS, average_price
from domain.market import Clock, Pair, Side
from domain.money import exact_sum, floor_to_step, plain
from domain.timestamps import from_ns
from ops.services import alerts
from risk.services import trip
from trading.models import Execution, FillObservation, LedgerEntry, Opportunity, Order
from trading.services.execution.open import Intent, timeout_ms, write_order
from trading.services.execution.settle import fills_of, settle
from trading.services.execution.transitions import move_execution, move_order

log = structlog.get_logger(__name__)

UNWIND_LEG = 2
MAX_UNWIND_ATTEMPTS = 3


def conclude(execution: Execution, *, clock: Clock) -> bool:
    """Settle, unwind or hand over an execution whose orders are all closed; return whether an order now waits."""
    orders = list(execution.orders.select_related("execution"))
    if any(order.state not in LEG_TERMINAL for order in orders):
        return False
    open_base = _open_base(execution)
    attempts = sum(order.role == Order.Role.UNWIND for order in orders)
    now = from_ns(clock.now_ns())
    if open_base.copy_abs() < execution.dust_quantity:
        settle(execution, orders, at=now)
        return False
    if attempts >= MAX_UNWIND_ATTEMPTS:
        _give_to_person(execution, open_base, at=now)
        return False
    _unwind(execution, orders, open_base, attempt=attempts + 1, at=now)
    return True


def _open_base(execution: Execution) -> Decimal:
    """Return the base that our accounts hold more (positive) or less than before; gas, though it be base, is spent."""
    base = Pair.parse(execution.symbol).base.symbol
    lines = LedgerEntry.objects.filter(execution=execution, asset=base, account__startswith=OURS, gas_of__isnull=True)
    return exact_sum(lines.values_list("amount", flat=True))


def _unwind(execution: Execution, orders: list[Order], open_base: Decimal, *, attempt: int, at: datetime) -> None:
    """Write the order that undoes what is left open, where the surplus was traded."""
    surplus = Side.BUY if open_base > 0 else Side.SELL
    leg = next(order for order in orders if order.role == Order.Role.OPEN and order.side == surplus)
    intent = Intent(
        market=leg.market,
        side=surplus.opposite,
        quantity=floor_to_step(open_base.copy_abs(), leg.quantity_step),
        price=average_price(fills_of(leg), surplus) or leg.limit_price,
        slippage_bps=settings.ARB.trading.unwind_limit_bps,
        quantity_step=leg.quantity_step,
        price_tick=leg.price_tick,
        gas_asset=leg.gas_asset,
        gas_rate=leg.gas_rate,
    )
    event = ExecutionEvent.LEGS_CLOSED_OPEN if attempt == 1 else ExecutionEvent.UNWIND_RETRY
    with transaction.atomic():
        move_execution(execution, event, at=at)
        met_from = _left_open_at(orders, now=at)
        order = write_order(execution, intent, leg=UNWIND_LEG, role=Order.Role.UNWIND, at=met_from, attempt=attempt)
        move_order(order, LegEvent.PREPARE, at=at)
    log.warning("unwinding", execution_id=execution.pk, open_base=str(open_base), attempt=attempt, venue=leg.venue)


def _left_open_at(orders: list[Order], *, now: datetime) -> datetime:
    """Return the market's instant from which an unwinding order counts its delay on paper.

    That is when the last of those that a venue took met its book, or was given up: however late a worker came to look,
    the same book is met. Where that instant has passed out of everybody's memory, it is now.
    """
    ours = settings.ARB.trading
    timeout, delay = timedelta(milliseconds=ours.observe_timeout_ms), timedelta(milliseconds=ours.paper_delay_ms)
    asked = FillObservation.objects.filter(order__in=[order for order in orders if order.venue_order_id])
    met = [_met_or_given_up_at(row) for row in asked.select_related("order")]
    is_remembered = bool(met) and now <= max(met) + delay + timeout
    return max(met) if is_remembered else now


def _met_or_given_up_at(row: FillObservation) -> datetime:
    if row.observed_at:
        return row.due_at
    return row.due_at + timedelta(milliseconds=timeout_ms(goes_into_a_block=bool(row.order.gas_asset)))


def _give_to_person(execution: Execution, open_base: Decimal, *, at: datetime) -> None:
    exposure = f"{plain(open_base)} {Pair.parse(execution.symbol).base}"
    reason = f"could not be unwound: {exposure} open"
    with transaction.atomic():
        move_execution(execution, ExecutionEvent.GIVE_UP, at=at, due_at=None, reason=reason)
        Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at).update(
            executed=True, reason="needs_person"
        )
        trip(BreakerKind.EXECUTION_FAILURES, scope=execution.scope, reason=f"execution {execution.pk} {reason}", now=at)
        alerts.alert(
            "An execution needs a person",
            f"Execution {execution.pk} on {execution.route_key} {reason}.",
            level="error",
            key=f"needs_person:{execution.pk}",
        )
    log.error("execution_needs_person", execution_id=execution.pk, exposure=exposure)
