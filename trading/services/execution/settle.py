"""Concluding: both legs are closed, so the execution is even and settles, or what is left open is undone first."""

from datetime import datetime
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction

from domain.breakers import BreakerKind
from domain.execution import LEG_TERMINAL, ExecutionEvent, ExecutionState, LegEvent, LegState
from domain.fills import Fill
from domain.ledger import Booked, Settlement, average_price
from domain.ledger import settle as settle_fills
from domain.market import Asset, Clock, Pair, Side
from domain.money import BPS, DOWN, EXACT, ZERO, floor_to_step, quantize_down
from domain.timestamps import from_ns
from mlops.services import LabelReport, label_sample
from ops.services import alerts
from risk.services import OutcomeReport, record_outcome, release, trip
from trading.models import Execution, ExecutionLog, LedgerEntry, Opportunity, Order
from trading.services.execution.open import Intent, market_of, write_order
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
    if abs(open_base) < execution.dust_quantity:
        _settle(execution, orders, at=now)
        return False
    if attempts >= MAX_UNWIND_ATTEMPTS:
        _give_to_person(execution, open_base, at=now)
        return False
    _unwind(execution, orders, open_base, attempt=attempts + 1, at=now)
    return True


def _open_base(execution: Execution) -> Decimal:
    """Return the base that our accounts hold more (positive) or less than before."""
    base = Pair.parse(execution.symbol).base.symbol
    lines = LedgerEntry.objects.filter(execution=execution, asset=base, account__startswith="venue:")
    total = ZERO
    for amount in lines.values_list("amount", flat=True):
        total = EXACT.add(total, amount)
    return total


def _unwind(execution: Execution, orders: list[Order], open_base: Decimal, *, attempt: int, at: datetime) -> None:
    """Write the order that undoes what is left open, where the surplus was traded."""
    surplus = Side.BUY if open_base > 0 else Side.SELL
    leg = next(order for order in orders if order.role == Order.Role.OPEN and order.side == surplus)
    intent = Intent(
        market=market_of(leg),
        side=surplus.opposite,
        quantity=floor_to_step(abs(open_base), leg.quantity_step),
        price=average_price(_fills(leg), surplus) or leg.limit_price,
        slippage_bps=settings.ARB.trading.unwind_limit_bps,
        quantity_step=leg.quantity_step,
        price_tick=leg.price_tick,
    )
    event = ExecutionEvent.LEGS_CLOSED_OPEN if attempt == 1 else ExecutionEvent.UNWIND_RETRY
    with transaction.atomic():
        move_execution(execution, event, at=at)
        order = write_order(execution, intent, leg=UNWIND_LEG, role=Order.Role.UNWIND, at=at, attempt=attempt)
        move_order(order, LegEvent.PREPARE, at=at)
    log.warning("unwinding", execution_id=execution.pk, open_base=str(open_base), attempt=attempt, venue=leg.venue)


def _settle(execution: Execution, orders: list[Order], *, at: datetime) -> None:
    """Write the result everywhere it belongs, and tell risk and the models, in one transaction."""
    result = _result(execution, orders)
    unwound = execution.state == ExecutionState.UNWINDING
    event = ExecutionEvent.UNWIND_CLOSED_FLAT if unwound else ExecutionEvent.LEGS_CLOSED_FLAT
    with transaction.atomic():
        move_execution(execution, event, at=at, **_columns(execution, orders, result, at=at))
        _tell_opportunity(execution, orders)
        _append_log(execution, orders, at=at)
        _tell_risk(execution, orders, at=at, unwound=unwound)
    log.info(
        "execution_ended",
        execution_id=execution.pk,
        state=execution.state,
        route=execution.route_key,
        net_usd=str(execution.net_usd),
        reason=execution.reason,
    )


def _result(execution: Execution, orders: list[Order]) -> Settlement:
    booked = [
        Booked(order.venue, Side(order.side), fill, is_unwind=order.role == Order.Role.UNWIND)
        for order in orders
        for fill in _fills(order)
    ]
    sold = next(order for order in orders if order.role == Order.Role.OPEN and order.side == Side.SELL)
    return settle_fills(
        Pair.parse(execution.symbol),
        booked,
        planned_gross=execution.planned_gross_quote,
        planned_quantity=sold.quantity,
    )


def _columns(
    execution: Execution, orders: list[Order], result: Settlement, *, at: datetime
) -> dict[str, Decimal | datetime | str | None]:
    gross, fees, gas, unwind, net = (
        quantize_down(amount)
        for amount in (
            result.waterfall.gross,
            result.waterfall.fees,
            result.waterfall.gas,
            result.waterfall.unwind,
            result.waterfall.net,
        )
    )
    return {
        "settled_at": at,
        "due_at": None,
        "reason": _reason(orders),
        "gross_quote": gross,
        "fees_quote": fees,
        "gas_quote": gas,
        # What the column grid cut off the other lines goes here, so that the stored waterfall closes to the last digit.
        "slippage_quote": gross - fees - gas - unwind - net,
        "unwind_quote": unwind,
        "net_quote": net,
        "net_usd": _in_usd(execution, net),
    }


def _reason(orders: list[Order]) -> str:
    """Why it did not go as planned: the first leg's reason, if any leg has one."""
    return next((f"{order.venue}: {order.reason}" for order in orders if order.reason), "")[:200]


def _tell_opportunity(execution: Execution, orders: list[Order]) -> None:
    executed = _has_fills(orders)
    Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at).update(
        executed=executed,
        profitable=execution.net_usd > 0 if executed else None,
        profit_quote=execution.net_quote if executed else None,
        profit_usd=execution.net_usd if executed else None,
        reason="" if executed else execution.reason[:64],
    )
    label_sample(
        execution.opportunity_id,
        LabelReport(executed=executed, settled_net_usd=execution.net_usd if executed else None),
        scope=execution.scope,
    )


def _append_log(execution: Execution, orders: list[Order], *, at: datetime) -> None:
    ExecutionLog.objects.create(
        **execution.scope.columns,
        timestamp=at,
        execution_id=execution.pk,
        symbol=execution.symbol,
        route_key=execution.route_key,
        state=execution.state,
        success=_as_planned(orders) and execution.net_usd > 0,
        profit_usd=execution.net_usd,
        fees_usd=_in_usd(execution, execution.fees_quote),
        gas_cost_usd=_in_usd(execution, execution.gas_quote),
        slippage_bps=_slippage_bps(execution),
    )


def _tell_risk(execution: Execution, orders: list[Order], *, at: datetime, unwound: bool) -> None:
    if not any(order.sending_at for order in orders):  # a gate closed before anything was sent: nothing to judge
        release(execution.reservation_id, scope=execution.scope, now=at)
        return
    record_outcome(
        OutcomeReport(
            execution_id=execution.pk,
            reservation_id=execution.reservation_id,
            settled_at=at,
            net_usd=execution.net_usd,
            gross_usd=_in_usd(execution, execution.gross_quote),
            fees_usd=_in_usd(execution, execution.fees_quote),
            gas_usd=_in_usd(execution, execution.gas_quote),
            notional_usd=execution.notional_usd,
            executed=_has_fills(orders),
            both_legs_as_planned=_as_planned(orders),
            unwound=unwound,
            predicted_slippage_bps=ZERO,
            realised_slippage_bps=_slippage_bps(execution) if _has_fills(orders) else None,
        ),
        scope=execution.scope,
    )


def _give_to_person(execution: Execution, open_base: Decimal, *, at: datetime) -> None:
    exposure = f"{open_base.normalize():f} {Pair.parse(execution.symbol).base}"
    reason = f"could not be unwound: {exposure} open"
    with transaction.atomic():
        move_execution(execution, ExecutionEvent.GIVE_UP, at=at, due_at=None, reason=reason)
        trip(BreakerKind.EXECUTION_FAILURES, scope=execution.scope, reason=f"execution {execution.pk} {reason}", now=at)
        alerts.alert(
            "An execution needs a person",
            f"Execution {execution.pk} on {execution.route_key} {reason}.",
            level="error",
            key=f"needs_person:{execution.pk}",
        )
    log.error("execution_needs_person", execution_id=execution.pk, exposure=exposure)


def _fills(order: Order) -> list[Fill]:
    return [
        Fill(row.trade_id, row.price, row.quantity, Asset(row.fee_asset), row.fee) for row in order.fills.order_by("id")
    ]


def _has_fills(orders: list[Order]) -> bool:
    return any(order.filled_quantity > 0 for order in orders)


def _as_planned(orders: list[Order]) -> bool:
    return all(order.state == LegState.FILLED for order in orders if order.role == Order.Role.OPEN)


def _slippage_bps(execution: Execution) -> Decimal | None:
    if not execution.notional_usd:
        return None
    slippage_usd = _in_usd(execution, execution.slippage_quote)
    return quantize_down(DOWN.divide(EXACT.multiply(slippage_usd, BPS), execution.notional_usd))


def _in_usd(execution: Execution, amount: Decimal) -> Decimal:
    return quantize_down(EXACT.multiply(amount, settings.ARB.trading.quote_usd[execution.quote_asset]))
