"""Opening: an admitted opportunity becomes an execution with its two orders, each with the book it will meet."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection

from domain.costs import CostKind
from domain.errors import Refused
from domain.execution import client_id
from domain.inventory import UNLIMITED
from domain.market import MarketKey, Side
from domain.money import BPS, DOWN, EXACT, exact_sum, floor_to_step, quantize_down
from domain.routes import Leg
from domain.scope import Mode, Scope
from domain.sizing import size_route
from domain.terms import Caps, Rejected, Sized
from domain.timestamps import from_ns
from risk.services import AdmitRequest, Admitted, Refusal
from trading.models import Execution, FillObservation, Opportunity, Order
from trading.services.decision import Decision
from trading.services.episodes import note_gates

OBSERVATION_CHANNEL = "fill_observation"
BLOCK_WITHIN_MS = 60_000  # without a block for so long the chain stands still, and nothing is filled


class NotAdmitted(Refused):
    """An opportunity that may not be traded, with what each gate answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Intent:
    """An order to be written: where, what, how much, and how far beyond ``price`` it may trade."""

    market: MarketKey
    side: Side
    quantity: Decimal
    price: Decimal
    slippage_bps: Decimal
    quantity_step: Decimal
    price_tick: Decimal
    gas_asset: str = ""  # where a chain takes gas for it
    gas_rate: Decimal | None = None  # quote per unit of that asset


def request_for(opportunity: Opportunity) -> AdmitRequest:
    """Return what the gates are asked about this opportunity; at worst a swap is undone by a second one."""
    gas_usd = exact_sum(Decimal(line["usd"]) for line in opportunity.costs if line["kind"] == CostKind.GAS)
    unwinding_usd = share_of(opportunity.notional_usd, settings.ARB.trading.unwind_limit_bps)
    return AdmitRequest(
        opportunity_id=opportunity.pk,
        route_key=opportunity.route_key,
        symbol=opportunity.symbol,
        size=opportunity.size,
        notional_usd=opportunity.notional_usd,
        worst_loss_usd=EXACT.fma(gas_usd, Decimal(2), unwinding_usd),
    )


def open_execution(opportunity: Opportunity, decision: Decision, admitted: Admitted, *, scope: Scope) -> Execution:
    """Write the execution and its two orders; nothing is sent.

    Raises: NotAdmitted if the size that was admitted is too small to trade.
    """
    sized = _sized_to(admitted, decision)
    note_gates(opportunity, admitted.gates)
    decided_at = from_ns(decision.decided_at_ns)
    buy, sell = decision.candidate.route.legs
    execution = Execution.objects.create(
        **scope.columns,
        opportunity=opportunity,
        opportunity_at=opportunity.timestamp,
        correlation_id=opportunity.correlation_id,
        reservation_id=admitted.reservation_id,
        route_key=opportunity.route_key,
        symbol=opportunity.symbol,
        quote_asset=buy.pair.quote.symbol,
        decided_at=decided_at,
        due_at=decided_at,
        notional_usd=decision.config.in_usd(sized.buy_quote, buy.pair.quote),
        dust_quantity=_dust(decision),
        planned_gross_quote=sized.gross_quote,
        planned_net_quote=sized.net_quote,
    )
    intents = (
        _intent(buy, sized.buy_quantity, sized.buy_worst, decision),
        _intent(sell, sized.sell_quantity, sized.sell_worst, decision),
    )
    for leg, intent in enumerate(intents):
        write_order(execution, intent, leg=leg, role=Order.Role.OPEN, at=decided_at)
    return execution


def write_order(
    execution: Execution, intent: Intent, *, leg: int, role: Order.Role, at: datetime, attempt: int = 1
) -> Order:
    """Write one intent; on paper also ask for the book it will meet."""
    order = Order.objects.create(
        **execution.scope.columns,
        execution=execution,
        leg=leg,
        attempt=attempt,
        role=role,
        venue=intent.market.venue,
        symbol=intent.market.pair.symbol,
        side=intent.side,
        quantity=intent.quantity,
        limit_price=protected(intent.price, intent.side, intent.slippage_bps, intent.price_tick),
        quantity_step=intent.quantity_step,
        price_tick=intent.price_tick,
        gas_asset=intent.gas_asset,
        gas_rate=intent.gas_rate,
        client_id=client_id(execution.pk, leg, attempt, scope=execution.scope),
    )
    if execution.scope.mode is not Mode.LIVE:
        _ask_for_book(order, due_at=at + timedelta(milliseconds=settings.ARB.trading.paper_delay_ms))
    return order


def timeout_ms(*, goes_into_a_block: bool) -> int:
    """Return for how long the state that a paper order meets is waited for."""
    return BLOCK_WITHIN_MS if goes_into_a_block else settings.ARB.trading.observe_timeout_ms


def protected(price: Decimal, side: Side, slippage_bps: Decimal, tick: Decimal) -> Decimal:
    """Return the worst price we accept: ``slippage_bps`` beyond ``price``, on the tick grid, never below one tick."""
    beyond = share_of(price, slippage_bps)
    limit = EXACT.add(price, beyond) if side is Side.BUY else EXACT.subtract(price, beyond)
    return max(floor_to_step(limit, tick) if limit > 0 else tick, tick)


def share_of(amount: Decimal, bps: Decimal) -> Decimal:
    """Return ``bps`` of an amount on the money grid, rounded down."""
    return quantize_down(DOWN.divide(EXACT.multiply(amount, bps), BPS))


def _intent(leg: Leg, quantity: Decimal, worst: Decimal, decision: Decision) -> Intent:
    lot, gas = decision.config.lots[leg.market], decision.candidate.gas
    slippage_bps = settings.ARB.trading.leg_slippage_bps
    intent = Intent(leg.market, leg.side, quantity, worst, slippage_bps, lot.step, lot.tick)
    if gas is None or gas.venue != leg.venue:
        return intent
    return replace(intent, gas_asset=gas.asset.symbol, gas_rate=gas.rate)


def _dust(decision: Decision) -> Decimal:
    """What neither leg's market would take as an order of its own."""
    lots = [decision.config.lots[leg.market] for leg in decision.candidate.route.legs]
    return max(max(lot.step, lot.min_quantity) for lot in lots)


def _sized_to(admitted: Admitted, decision: Decision) -> Sized:
    candidate, config, holdings = decision.candidate, decision.config, decision.holdings
    is_whole = admitted.size >= candidate.size
    if is_whole and holdings is UNLIMITED:
        return candidate.sized
    holdings.refresh()  # an execution that was opened at this very instant may need what was free at the decision
    sized = size_route(
        candidate.route,
        candidate.markets,
        config=config if is_whole else replace(config, caps=_share_of_cap(admitted, decision)),
        holdings=holdings,
        gas=candidate.gas,
    )
    if isinstance(sized, Rejected):
        raise NotAdmitted(Refusal(sized.reason, admitted.gates))
    return sized


def _share_of_cap(admitted: Admitted, decision: Decision) -> Caps:
    candidate = decision.candidate
    usd = decision.config.in_usd(candidate.sized.buy_quote, candidate.route.buy.pair.quote)
    return Caps(max_usd=quantize_down(DOWN.divide(EXACT.multiply(usd, admitted.size), candidate.size)))


def _ask_for_book(order: Order, *, due_at: datetime) -> None:
    FillObservation.objects.create(
        **order.scope.columns, order=order, venue=order.venue, symbol=order.symbol, due_at=due_at
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [OBSERVATION_CHANNEL, str(order.pk)])
