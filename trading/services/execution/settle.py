"""Settling: the result is written everywhere it belongs, and risk and the models are told, in one transaction."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction

from domain import ledger
from domain.execution import ExecutionEvent, ExecutionState, LegState
from domain.fills import Fill
from domain.ledger import Booked, Entry, Settlement, Waterfall
from domain.market import Asset, Pair, Side
from domain.money import BPS, DOWN, EXACT, ZERO, exact_sum, from_float, quantize_down, to_float
from mlops.said import scores_said
from mlops.services import LabelReport, label_sample
from ops.services import alerts
from risk.services import OutcomeReport, record_outcome, release
from trading.models import Execution, ExecutionLog, LedgerEntry, Opportunity, Order
from trading.services.execution.transitions import move_execution

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Result:
    """What an execution earned: the waterfall on the money grid, in quote and in US dollars."""

    orders: list[Order]
    quote: Waterfall
    usd_rate: Decimal
    notional_usd: Decimal

    @property
    def has_fills(self) -> bool:
        """Whether anything was traded at all."""
        return any(order.filled_quantity > 0 for order in self.orders)

    @property
    def is_as_planned(self) -> bool:
        """Whether both legs filled whole."""
        return all(order.state == LegState.FILLED for order in self.orders if order.role == Order.Role.OPEN)

    @property
    def net_usd(self) -> Decimal:
        """Return what it earned in US dollars."""
        return self.usd(self.quote.net)

    @property
    def slippage_bps(self) -> Decimal | None:
        """Return the slippage as a share of the notional; None where nothing was traded."""
        if not self.has_fills or not self.notional_usd:
            return None
        return quantize_down(DOWN.divide(EXACT.multiply(self.usd(self.quote.slippage), BPS), self.notional_usd))

    @property
    def reason(self) -> str:
        """Return why it did not go as planned: the first leg's reason, if any leg has one."""
        return next((f"{order.venue}: {order.reason}" for order in self.orders if order.reason), "")[:200]

    def usd(self, amount: Decimal) -> Decimal:
        """Return an amount of quote in US dollars, rounded down."""
        return quantize_down(EXACT.multiply(amount, self.usd_rate))


def settle(execution: Execution, orders: list[Order], *, at: datetime) -> None:
    """End an execution whose orders are closed and whose base is even."""
    result = _result(execution, orders)
    unwound = execution.state == ExecutionState.UNWINDING
    event = ExecutionEvent.UNWIND_CLOSED_FLAT if unwound else ExecutionEvent.LEGS_CLOSED_FLAT
    with transaction.atomic():
        move_execution(execution, event, at=at, **_columns(result, at=at))
        _tell_opportunity(execution, result, at=at)
        _append_log(execution, result, at=at)
        _tell_risk(execution, result, at=at, unwound=unwound)
    log.info(
        "execution_ended",
        execution_id=execution.pk,
        state=execution.state,
        route=execution.route_key,
        net_usd=str(result.net_usd),
        reason=result.reason,
    )


def _result(execution: Execution, orders: list[Order]) -> _Result:
    booked = [
        Booked(order.venue, Side(order.side), fill, is_unwind=order.role == Order.Role.UNWIND)
        for order in orders
        for fill in fills_of(order)
    ]
    sold = next(order for order in orders if order.role == Order.Role.OPEN and order.side == Side.SELL)
    settlement = ledger.settle(
        Pair.parse(execution.symbol),
        booked,
        planned_gross=execution.planned_gross_quote,
        planned_quantity=sold.quantity,
        gas=exact_sum(order.gas_quote for order in orders if order.gas_quote is not None),
    )
    _check_booked(execution, orders, settlement)
    rate = settings.ARB.trading.quote_usd[execution.quote_asset]
    return _Result(orders, _on_grid(settlement.waterfall), rate, execution.notional_usd)


def _check_booked(execution: Execution, orders: list[Order], settlement: Settlement) -> None:
    """Raise an alarm if what the ledger moved is not what fills and gas explain: a remainder is never a rounding."""
    pair = Pair.parse(execution.symbol)
    rows = LedgerEntry.objects.filter(execution=execution).values_list("account", "asset", "amount")
    moved = ledger.net_exposure(Entry(account, Asset(asset), amount) for account, asset, amount in rows)
    explained = {pair.base: settlement.base_dust, pair.quote: settlement.quote_delta}
    for order in orders:
        if order.gas_amount is not None:
            asset = Asset(order.gas_asset)
            explained[asset] = EXACT.subtract(explained.get(asset, ZERO), order.gas_amount)
    remainder = {str(asset): str(moved.get(asset, ZERO) - amount) for asset, amount in explained.items()}
    if moved != {asset: amount for asset, amount in explained.items() if amount}:
        log.error("profit_does_not_close", execution_id=execution.pk, remainder=remainder)
        alerts.alert(
            "Profit and loss does not close",
            f"The ledger of execution {execution.pk} differs from its fills and gas by {remainder}.",
            level="error",
            key=f"remainder:{execution.pk}",
        )


def _on_grid(exact: Waterfall) -> Waterfall:
    """Round a waterfall to the money grid; what the grid cuts off counts as slippage, so that it closes as stored."""
    gross, fees, gas, unwind, net = map(quantize_down, (exact.gross, exact.fees, exact.gas, exact.unwind, exact.net))
    slippage = gross
    for line in (fees, gas, unwind, net):
        slippage = EXACT.subtract(slippage, line)
    return Waterfall(gross, fees, gas, slippage, unwind, net)


def _columns(result: _Result, *, at: datetime) -> dict[str, Decimal | datetime | str | None]:
    lines = {f"{field.name}_quote": getattr(result.quote, field.name) for field in fields(Waterfall)}
    return {"settled_at": at, "due_at": None, "reason": result.reason, **lines, "net_usd": result.net_usd}


def _tell_opportunity(execution: Execution, result: _Result, *, at: datetime) -> None:
    executed = result.has_fills
    Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at).update(
        executed=executed,
        profitable=result.net_usd > 0 if executed else None,
        profit_quote=result.quote.net if executed else None,
        profit_usd=result.net_usd if executed else None,
        reason="" if executed else result.reason[:64],
    )
    slippage_bps = result.slippage_bps if executed else None
    label_sample(
        execution.route_key,
        execution.opportunity_at,
        LabelReport(
            known_at=at,
            executed=executed,
            settled_net_usd=result.net_usd if executed else None,
            slippage_bps=None if slippage_bps is None else to_float(slippage_bps),
        ),
        scope=execution.scope,
    )


def _append_log(execution: Execution, result: _Result, *, at: datetime) -> None:
    ExecutionLog.objects.create(
        **execution.scope.columns,
        timestamp=at,
        execution_id=execution.pk,
        symbol=execution.symbol,
        route_key=execution.route_key,
        state=execution.state,
        success=result.is_as_planned and result.net_usd > 0,
        profit_usd=result.net_usd,
        fees_usd=result.usd(result.quote.fees),
        gas_cost_usd=result.usd(result.quote.gas),
        slippage_bps=result.slippage_bps,
    )


def _tell_risk(execution: Execution, result: _Result, *, at: datetime, unwound: bool) -> None:
    if not any(order.sending_at for order in result.orders):  # a gate closed before anything was sent
        release(execution.reservation_id, scope=execution.scope, now=at)
        return
    record_outcome(
        OutcomeReport(
            execution_id=execution.pk,
            reservation_id=execution.reservation_id,
            settled_at=at,
            net_usd=result.net_usd,
            gross_usd=result.usd(result.quote.gross),
            fees_usd=result.usd(result.quote.fees),
            gas_usd=result.usd(result.quote.gas),
            notional_usd=execution.notional_usd,
            executed=result.has_fills,
            both_legs_as_planned=result.is_as_planned,
            unwound=unwound,
            predicted_slippage_bps=_predicted_slippage_bps(execution),
            realised_slippage_bps=result.slippage_bps,
        ),
        scope=execution.scope,
    )


def _predicted_slippage_bps(execution: Execution) -> Decimal:
    """Return what the model of slippage expected at the decision; nothing is expected where it did not judge."""
    rows = Opportunity.objects.filter(pk=execution.opportunity_id, timestamp=execution.opportunity_at)
    scores = rows.values_list("scores", flat=True).first() or {}
    predicted = scores_said(scores).slippage_bps
    return ZERO if predicted is None else quantize_down(from_float(predicted))


def fills_of(order: Order) -> list[Fill]:
    """Return an order's fills in the order they were recorded."""
    return [
        Fill(row.trade_id, row.price, row.quantity, Asset(row.fee_asset), row.fee, row.exact_quote)
        for row in order.fills.order_by("id")
    ]
