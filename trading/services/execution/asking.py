"""Asking: what became of an order that may be at the venue, its fills and its gas into the ledger exactly once."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import structlog
from django.db import connection, transaction
from django.db.models import F

from domain.errors import Unreachable
from domain.execution import LegEvent, LegState
from domain.fills import Fill
from domain.ledger import Entry, entries_for, gas_entries
from domain.market import Clock, Side
from domain.money import EXACT, quantize_up
from domain.scope import Scope
from domain.timestamps import from_ns
from ops import correlation
from trading.models import Execution, LedgerEntry, Order
from trading.models import Fill as FillRow
from trading.services.execution.transitions import move_order
from trading.venues.base import Found, GasPaid, NotYetKnown, OrderState, ProvenAbsent, TradingVenue

log = structlog.get_logger(__name__)

AT_VENUE = (LegState.OPEN, LegState.PARTIAL, LegState.CHECKING)


def ask(execution: Execution, *, venues: Mapping[str, TradingVenue], clock: Clock) -> None:
    """Ask the venue about every order that may be there, and commit what it says."""
    _doubt_interrupted(execution, clock=clock)
    for order in execution.orders.filter(state__in=AT_VENUE).select_related("execution"):
        try:
            answer = venues[order.venue].find(order.client_id, since=order.sending_at)
        except Unreachable as error:
            log.warning("venue_does_not_answer", order_id=order.pk, venue=order.venue, error=str(error))
            continue
        _record(order, answer, at=from_ns(clock.now_ns()))


def _doubt_interrupted(execution: Execution, *, clock: Clock) -> None:
    """An order still SENDING here was interrupted between its commit and its answer: it may be at the venue."""
    with transaction.atomic():
        for order in execution.orders.filter(state=LegState.SENDING).select_related("execution"):
            move_order(order, LegEvent.TIME_OUT, at=from_ns(clock.now_ns()), reason="interrupted while sending")


def _record(order: Order, answer: Found | ProvenAbsent | NotYetKnown, *, at: datetime) -> None:
    match answer:
        case NotYetKnown():
            return
        case ProvenAbsent():
            with transaction.atomic():
                move_order(order, LegEvent.PROVE_ABSENT, at=at, closed_at=at, reason="proven absent")
        case Found():
            with transaction.atomic():
                _record_found(order, answer, at=at)


def _record_found(order: Order, found: Found, *, at: datetime) -> None:
    for fill in found.fills:
        _book_fill(order, fill, at=at)
    if found.gas is not None:
        _book_gas(order, found.gas, at=at)
    filled = order.filled_quantity
    if filled == order.quantity:
        move_order(order, LegEvent.FILL, at=at, closed_at=at)
    elif found.state is OrderState.OPEN:
        if filled > 0 and order.state != LegState.PARTIAL:
            move_order(order, LegEvent.FILL_PART, at=at)
    elif found.refused_reason:
        move_order(order, LegEvent.REFUSE, at=at, closed_at=at, reason=found.refused_reason)
    else:
        unfilled = "limit_not_reached" if found.gas is None else "reverted"
        move_order(order, LegEvent.CANCEL, at=at, closed_at=at, reason="" if filled else unfilled)


def _book_fill(order: Order, fill: Fill, *, at: datetime) -> None:
    """Append one fill, its ledger lines and the balances they move; a fill seen before changes nothing."""
    row, is_new = FillRow.objects.get_or_create(
        **order.scope.columns,
        venue=order.venue,
        trade_id=fill.trade_id,
        defaults={
            "order": order,
            "price": fill.price,
            "quantity": fill.quantity,
            "exact_quote": fill.exact_quote,
            "fee_asset": fill.fee_asset.symbol,
            "fee": fill.fee,
            "filled_at": at,
        },
    )
    if not is_new:
        return
    entries = entries_for(order.venue, order.market.pair, Side(order.side), fill)
    _append_entries(order, entries, at=at, fill=row)
    order.filled_quantity = EXACT.add(Decimal(order.filled_quantity), fill.quantity)
    Order.objects.filter(pk=order.pk).update(filled_quantity=F("filled_quantity") + fill.quantity)


def _book_gas(order: Order, gas: GasPaid, *, at: datetime) -> None:
    """Note what the transaction cost, with its ledger lines; gas that was booked before changes nothing."""
    amount = quantize_up(gas.amount)
    quote = None if order.gas_rate is None else quantize_up(EXACT.multiply(amount, Decimal(order.gas_rate)))
    unpaid = Order.objects.filter(pk=order.pk, gas_amount__isnull=True)
    if unpaid.update(gas_asset=gas.asset.symbol, gas_amount=amount, gas_quote=quote):
        order.gas_asset, order.gas_amount, order.gas_quote = gas.asset.symbol, amount, quote
        _append_entries(order, gas_entries(order.venue, gas.asset, amount), at=at, gas_of=order)


def _append_entries(
    order: Order, entries: tuple[Entry, ...], *, at: datetime, fill: FillRow | None = None, gas_of: Order | None = None
) -> None:
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            **order.scope.columns,
            execution_id=order.execution_id,
            fill=fill,
            gas_of=gas_of,
            account=entry.account,
            asset=entry.asset.symbol,
            amount=entry.amount,
            recorded_at=at,
            correlation_id=correlation.current(),
        )
        for entry in entries
    )
    # One order of rows for everybody: two executions that move the same balances never wait for each other in turn.
    for entry in sorted(entries, key=lambda entry: entry.asset.symbol):
        if entry.venue is not None:
            _move_balance(order.scope, entry)


def _move_balance(scope: Scope, entry: Entry) -> None:
    """Add a ledger line to its balance; one statement, so that two executions never lose each other's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_balance (mode, run_id, venue, asset, amount) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (mode, run_id, venue, asset) DO UPDATE SET amount = trading_balance.amount + EXCLUDED.amount",
            [*scope.columns.values(), entry.venue, entry.asset.symbol, entry.amount],
        )
