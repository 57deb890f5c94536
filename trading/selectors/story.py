"""One opportunity from the books that opened it to what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.book import levels_facing
from domain.errors import BadInput
from domain.gas import GWEI_DECIMALS
from domain.ledger import Waterfall
from domain.market import PoolState, Side
from domain.money import DOWN, ZERO, exact_sum, from_raw
from domain.scope import Scope
from domain.timestamps import NS_PER_MS, to_ns
from trading.market_json import market_from_json
from trading.models import Execution, Opportunity, Order
from trading.selectors.pages import edges_of, execution_of

MOST_LEVELS = 3  # of each side of a book


@dataclass(frozen=True, slots=True)
class Level:
    """One price level of a book as seen."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class SeenPool:
    """What a pool held at its block; amounts in whole tokens."""

    block: int
    block_age_ms: int  # by the block's own timestamp, at the decision
    base_reserve: Decimal
    quote_reserve: Decimal
    fee_pips: int
    gas_price_gwei: Decimal


@dataclass(frozen=True, slots=True)
class SeenBook:
    """The side of a market that we would have taken from, best first; of a pool as slices of it, with its block."""

    venue: str
    symbol: str
    side: str  # what we do
    age_ms: int  # at the decision
    levels: tuple[Level, ...]
    pool: SeenPool | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost of the plan."""

    kind: str
    asset: str
    amount: Decimal
    usd: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate answered."""

    gate: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Later:
    """What was left of the edge; None where a book was missing or stale."""

    offset_ms: int
    net_bps: Decimal | None
    size: Decimal


@dataclass(frozen=True, slots=True)
class LegStory:
    """One order: what was asked, what was filled, at which mean price and fee."""

    role: str
    side: str
    venue: str
    quantity: Decimal
    limit_price: Decimal
    filled_quantity: Decimal
    mean_price: Decimal | None
    fees: tuple[str, ...]
    state: str
    reason: str
    gas: str = ""  # what a chain took, in its own asset
    gas_quote: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the execution's life."""

    at: datetime
    subject: str  # the venue of the leg; empty for the execution itself
    event: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ExecutionStory:
    """The attempt to trade it; ``waterfall`` is in ``quote_asset``, None before it has ended."""

    execution_id: int
    state: str
    reason: str
    legs: tuple[LegStory, ...]
    events: tuple[Happened, ...]
    quote_asset: str
    planned_quote: Decimal
    waterfall: Waterfall | None
    net_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is stored of one opportunity."""

    opportunity_id: int
    scope: Scope
    at: datetime
    closed_at: datetime | None
    route_key: str
    symbol: str
    buy_venue: str
    sell_venue: str
    size: Decimal
    notional_usd: Decimal
    gross_bps: Decimal
    net_bps: Decimal
    peak_bps: Decimal
    planned_usd: Decimal
    executed: bool
    profit_usd: Decimal | None
    reason: str
    resolution_s: int
    books: tuple[SeenBook, ...]
    costs: tuple[Cost, ...]
    scores: dict[str, Any]
    gates: tuple[Gate, ...]
    later: tuple[Later, ...]
    execution: ExecutionStory | None


def story_of(scope: Scope, opportunity_id: int) -> Story:
    """Return the story of one opportunity of ``scope``. Raises: BadInput where there is none of that number."""
    row = Opportunity.objects.in_scope(scope).filter(pk=opportunity_id).first()
    if row is None:
        raise BadInput(f"there is no opportunity {opportunity_id} in {scope}{_elsewhere(opportunity_id)}")
    attempt = execution_of(row)
    return Story(
        opportunity_id=row.pk,
        scope=row.scope,
        at=row.timestamp,
        closed_at=row.closed_at,
        route_key=row.route_key,
        symbol=row.symbol,
        buy_venue=row.buy_venue,
        sell_venue=row.sell_venue,
        size=row.size,
        notional_usd=row.notional_usd,
        gross_bps=row.gross_edge_bps,
        net_bps=row.edge_bps,
        peak_bps=row.peak_edge_bps,
        planned_usd=DOWN.divide(DOWN.multiply(row.notional_usd, row.edge_bps), Decimal(10_000)),
        executed=row.executed,
        profit_usd=row.profit_usd,
        reason=row.reason,
        resolution_s=row.resolution_s,
        books=tuple(_book(stored, side, row) for stored, side in zip(row.books, Side, strict=False)),
        costs=tuple(_cost(stored) for stored in row.costs),
        scores=row.scores,
        gates=tuple(Gate(one["gate"], one["passed"], one.get("detail", "")) for one in row.gates),
        later=tuple(Later(look.offset_ms, look.net_bps, look.size) for look in edges_of(row)),
        execution=None if attempt is None else _execution(attempt),
    )


def number_of(scope: Scope, correlation_id: str) -> int:
    """Return the number of the opportunity of ``scope`` with this id. Raises: BadInput unless there is just one."""
    found = list(Opportunity.objects.in_scope(scope).filter(correlation_id=correlation_id).values_list("pk", flat=True))
    if not found:
        raise BadInput(f"there is no opportunity with the correlation id {correlation_id} in {scope}")
    if len(found) > 1:
        raise BadInput(f"{correlation_id} is of several opportunities, name one: {', '.join(map(str, sorted(found)))}")
    return int(found[0])


def _elsewhere(opportunity_id: int) -> str:
    found = Opportunity.objects.filter(pk=opportunity_id).only("mode", "run_id").first()
    return "" if found is None else f"; {found.scope} has one of that number"


def _book(stored: dict[str, Any], side: Side, row: Opportunity) -> SeenBook:
    market = market_from_json(stored)
    decided_ns = to_ns(row.timestamp)
    return SeenBook(
        venue=market.venue,
        symbol=market.pair.symbol,
        side=side,
        age_ms=_ms_between(market.seen_at_ns, decided_ns),
        levels=tuple(Level(*level) for level in levels_facing(market, side)[:MOST_LEVELS]),
        pool=_pool(market, decided_ns) if isinstance(market, PoolState) else None,
    )


def _pool(pool: PoolState, decided_ns: int) -> SeenPool:
    return SeenPool(
        block=pool.block,
        block_age_ms=_ms_between(pool.block_at_ns, decided_ns),
        base_reserve=from_raw(pool.base_reserve, pool.base_decimals),
        quote_reserve=from_raw(pool.quote_reserve, pool.quote_decimals),
        fee_pips=pool.fee_pips,
        gas_price_gwei=from_raw(pool.gas_price_wei, GWEI_DECIMALS),
    )


def _ms_between(earlier_ns: int, later_ns: int) -> int:
    return max(later_ns // NS_PER_MS - earlier_ns // NS_PER_MS, 0)


def _cost(stored: dict[str, str]) -> Cost:
    usd, amount = Decimal(stored["usd"]), Decimal(stored["amount"])
    return Cost(stored["kind"], stored["asset"], amount, usd, stored.get("source", ""))


def _execution(row: Execution) -> ExecutionStory:
    orders = list(row.orders.prefetch_related("fills").order_by("leg", "attempt"))
    return ExecutionStory(
        execution_id=row.pk,
        state=row.state,
        reason=row.reason,
        legs=tuple(_leg(order) for order in orders),
        events=_events(row, orders),
        quote_asset=row.quote_asset,
        planned_quote=row.planned_net_quote,
        waterfall=_waterfall(row),
        net_usd=row.net_usd,
    )


def _events(row: Execution, orders: Sequence[Order]) -> tuple[Happened, ...]:
    venues = {order.pk: order.venue for order in orders}
    return tuple(
        Happened(one.happened_at, venues.get(one.order_id or 0, ""), one.event, one.from_state, one.to_state)
        for one in row.events.order_by("id")
    )


def _leg(order: Order) -> LegStory:
    fills = list(order.fills.all())
    quantity = exact_sum(fill.quantity for fill in fills)
    value = exact_sum(fill.quantity * fill.price if fill.exact_quote is None else fill.exact_quote for fill in fills)
    assets = sorted({fill.fee_asset for fill in fills if fill.fee})
    fees = (exact_sum(fill.fee for fill in fills if fill.fee_asset == asset) for asset in assets)
    return LegStory(
        role=order.role,
        side=order.side,
        venue=order.venue,
        quantity=order.quantity,
        limit_price=order.limit_price,
        filled_quantity=order.filled_quantity,
        mean_price=DOWN.divide(value, quantity) if quantity > ZERO else None,
        fees=tuple(f"{fee.normalize():f} {asset}" for fee, asset in zip(fees, assets, strict=True)),
        state=order.state,
        reason=order.reason,
        gas="" if order.gas_amount is None else f"{order.gas_amount.normalize():f} {order.gas_asset}",
        gas_quote=order.gas_quote,
    )


def _waterfall(row: Execution) -> Waterfall | None:
    if row.net_quote is None:
        return None
    lines = (row.gross_quote, row.fees_quote, row.gas_quote, row.slippage_quote, row.unwind_quote, row.net_quote)
    return Waterfall(*(line or ZERO for line in lines))
