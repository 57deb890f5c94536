"""Looking again: the market a paper order meets, and what was left of each edge some time after its decision.

An order to a book meets the book as it stands when its delay has passed. One to a pool is then on its way to the chain:
it meets the pool as the next block leaves it, at the gas of that block.
"""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from django.conf import settings
from django.db import transaction

from domain.detection import LARGEST_EDGE_BPS, DetectConfig
from domain.gas import GasDue, NativePrice, gas_due, terms_of
from domain.market import Clock, Market, MarketKey, PoolState, Side
from domain.money import ZERO, bps_of, quantize_down, to_float
from domain.routes import Route
from domain.scope import Scope
from domain.sizing import size_route, take_route
from domain.terms import Rejected, Sized
from domain.timestamps import NS_PER_MS, from_ns, to_ns
from mlops.services import LabelReport, label_sample
from trading.dispatch import EXECUTION_STEP, Dispatch
from trading.market_json import market_from_json, market_to_json
from trading.models import EdgeObservation, FillObservation, Opportunity
from trading.models import Order as OrderRow
from trading.services.decision import Decision, NearMiss
from trading.services.execution.open import timeout_ms
from trading.services.execution.sending import order_for_venue
from trading.venues.base import Missed, NeverPlaced, Observed, Pending

Json = dict[str, Any]

Quantities: TypeAlias = tuple[Decimal, Decimal]

OFFSETS_MS = (100, 250, 500, 1000, 3000)
CANDLE_OFFSETS_MS = tuple(minutes * 60_000 for minutes in (1, 2, 5, 10, 20))


class PastBooks(Protocol):
    """Markets as they were a moment ago."""

    def book_at(self, key: MarketKey, at_ns: int) -> Market | None:
        """Return the latest state seen at or before an instant."""

    def next_block(self, known: PoolState, after_ns: int) -> PoolState | None:
        """Return the pool as the first block left it that came after ``known`` and after an instant; None so far."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """A paper order that waits for the state of its market at ``due_ns``, or for the block after it."""

    order_id: int
    market: MarketKey
    side: Side
    due_ns: int
    goes_into_a_block: bool = False
    known: PoolState | None = None  # what the pool was when the order was due, once that has been looked up

    @property
    def given_up_ns(self) -> int:
        """Return when it has been waited for in vain."""
        return self.due_ns + (timeout_ms(goes_into_a_block=self.goes_into_a_block) + 1) * NS_PER_MS


@dataclass(frozen=True, slots=True)
class EdgeLeft:
    """What was left of an edge ``offset_ms`` after the decision; no figure where a book was missing or stale.

    ``net_bps`` and ``size`` are of the best trade then, zero where none pays; ``planned_bps`` is of the planned trade,
    executed whole: a loss where its edge is gone, None where so much was not shown.
    """

    offset_ms: int
    net_bps: Decimal | None
    size: Decimal
    planned_bps: Decimal | None = None


@dataclass(slots=True)
class Watched:
    """A decision whose route is looked at again, and what the looks until now found; a near miss only at the delay."""

    route: Route
    decided_at_ns: int
    config: DetectConfig
    left: list[EdgeLeft]
    gas_rate: Decimal | None = None  # quote per unit of what a chain takes, at the decision
    planned: Quantities | None = None  # what was to be bought and sold, in base
    is_near_miss: bool = False


def offsets_for(config: DetectConfig) -> tuple[int, ...]:
    """Return after how many ms an edge is looked at again, the trading delay among or before them.

    Candles cannot tell anything below their minute.
    """
    usual, delay_ms = CANDLE_OFFSETS_MS if config.resolution_s else OFFSETS_MS, settings.ARB.trading.paper_delay_ms
    return usual if delay_ms <= usual[-1] else (*usual, delay_ms)


def at_delay(left: Sequence[EdgeLeft]) -> EdgeLeft:
    """Return the look that tells what an order would have met: the first one not before the trading delay."""
    return next((edge for edge in left if edge.offset_ms >= settings.ARB.trading.paper_delay_ms), left[-1])


class EdgeWatch:
    """Looks at each decision's route again at the fixed offsets and hands the whole curve on once it is complete."""

    def __init__(self, books: PastBooks, *, offsets_ms: Sequence[int] = OFFSETS_MS) -> None:
        self._books = books
        self._offsets_ms = tuple(offsets_ms)
        delay_ms = settings.ARB.trading.paper_delay_ms
        self._near_miss_offsets_ms = (next((one for one in self._offsets_ms if one >= delay_ms), self._offsets_ms[-1]),)
        self._heap: list[tuple[int, int, int, Watched]] = []
        self._order = itertools.count()

    def watch(self, decision: Decision | NearMiss) -> None:
        """Look at this decision's route again."""
        candidate, sized = decision.candidate, decision.candidate.sized
        watched = Watched(
            candidate.route,
            decision.decided_at_ns,
            decision.config,
            left=[],
            gas_rate=None if candidate.gas is None else candidate.gas.rate,
            planned=(sized.buy_quantity, sized.sell_quantity),
            is_near_miss=isinstance(decision, NearMiss),
        )
        self._await(watched)

    def complete(self, now_ns: int) -> Iterable[tuple[Watched, list[EdgeLeft]]]:
        """Yield the decisions whose last look has come due, with their curves."""
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, _, offset_ms, watched = heapq.heappop(self._heap)
            watched.left.append(self._look(watched, due_ns, offset_ms))
            if len(watched.left) == len(self._offsets_of(watched)):
                yield watched, watched.left

    def state(self) -> list[Json]:
        """Return what ``restore`` needs to go on from here, ready for JSON."""
        waiting = {id(watched): watched for _, _, _, watched in sorted(self._heap, key=lambda entry: entry[1])}
        return [_watched_json(one) for one in waiting.values()]

    def restore(self, state: Sequence[Json], *, routes: Mapping[str, Route], config: DetectConfig) -> None:
        """Go on from where another watch stood; a route that is not among ``routes`` is not looked at again."""
        for one in state:
            if (route := routes.get(one["route"])) is not None:
                self._await(_watched_from_json(one, route, config))

    def _offsets_of(self, watched: Watched) -> tuple[int, ...]:
        return self._near_miss_offsets_ms if watched.is_near_miss else self._offsets_ms

    def _await(self, watched: Watched) -> None:
        for offset_ms in self._offsets_of(watched)[len(watched.left) :]:
            due_ns = watched.decided_at_ns + offset_ms * NS_PER_MS
            heapq.heappush(self._heap, (due_ns, next(self._order), offset_ms, watched))

    def _look(self, watched: Watched, at_ns: int, offset_ms: int) -> EdgeLeft:
        route, config = watched.route, watched.config
        buy, sell = (self._fresh(leg.market, at_ns, config.max_age_ms) for leg in route.legs)
        if buy is None or sell is None:
            return EdgeLeft(offset_ms, None, ZERO)
        markets, gas = (buy, sell), _gas_now(watched, (buy, sell))
        planned_bps = _planned_bps(watched, markets, gas)
        sized = size_route(
            route,
            markets,
            fees=config.fees,
            lots=config.lots,
            caps=config.caps,
            quote_usd=config.quote_usd,
            gas=gas,
        )
        if isinstance(sized, Rejected):
            return EdgeLeft(offset_ms, ZERO, ZERO, planned_bps)
        return EdgeLeft(offset_ms, _net_bps(sized), sized.buy_quantity, planned_bps)

    def _fresh(self, key: MarketKey, at_ns: int, max_age_ms: int) -> Market | None:
        return fresh_at(self._books, key, at_ns, max_age_ms=max_age_ms)


def _gas_now(watched: Watched, markets: tuple[Market, Market]) -> GasDue | None:
    """Return what a swap costs at a later look: the gas of its block, at the rate of the decision."""
    pool = next((market for market in markets if isinstance(market, PoolState)), None)
    if pool is None or watched.gas_rate is None:
        return None
    price = NativePrice(watched.gas_rate, MarketKey(pool.venue, pool.pair))
    return gas_due(pool, terms_of(watched.config.gas, pool.venue), price)


def _planned_bps(watched: Watched, markets: tuple[Market, Market], gas: GasDue | None) -> Decimal | None:
    """Return what the planned trade nets on these markets, in bps of what it costs to buy."""
    if watched.planned is None:
        return None
    config = watched.config
    whole = take_route(
        watched.route,
        markets,
        watched.planned,
        fees=config.fees,
        lots=config.lots,
        caps=config.caps,
        quote_usd=config.quote_usd,
        gas=gas,
    )
    net_bps = None if whole is None else _net_bps(whole)
    return None if net_bps is None or net_bps > LARGEST_EDGE_BPS else net_bps


def _net_bps(sized: Sized) -> Decimal:
    return quantize_down(bps_of(sized.net_quote, sized.buy_quote))


def _watched_json(watched: Watched) -> Json:
    return {
        "route": watched.route.key,
        "decided_at_ns": watched.decided_at_ns,
        "left": [_edge_json(edge) for edge in watched.left],
        "gas_rate": _text(watched.gas_rate),
        "planned": watched.planned and [str(quantity) for quantity in watched.planned],
        "is_near_miss": watched.is_near_miss,
    }


def _watched_from_json(data: Json, route: Route, config: DetectConfig) -> Watched:
    planned = data.get("planned")
    return Watched(
        route,
        data["decided_at_ns"],
        config,
        left=[_edge_from_json(edge) for edge in data["left"]],
        gas_rate=_number(data.get("gas_rate")),
        planned=planned and (Decimal(planned[0]), Decimal(planned[1])),
        is_near_miss=data.get("is_near_miss", False),
    )


def _edge_json(edge: EdgeLeft) -> list[Any]:
    return [edge.offset_ms, _text(edge.net_bps), str(edge.size), _text(edge.planned_bps)]


def _edge_from_json(data: list[Any]) -> EdgeLeft:
    offset_ms, net_bps, size, *planned_bps = data
    return EdgeLeft(offset_ms, _number(net_bps), Decimal(size), _number(planned_bps[0]) if planned_bps else None)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def fresh_at(books: PastBooks, key: MarketKey, at_ns: int, *, max_age_ms: int) -> Market | None:
    """Return the state of a market at an instant, unless it was too old by then."""
    book = books.book_at(key, at_ns)
    return book if book is not None and at_ns - book.seen_at_ns <= max_age_ms * NS_PER_MS else None


def met_by(request: FillRequest, books: PastBooks, *, max_age_ms: int) -> Market | FillRequest | None:
    """Return what an order meets whose instant has come; None where nobody saw its market then.

    Where its block has not come, what is to be asked again.
    """
    known = request.known or fresh_at(books, request.market, request.due_ns, max_age_ms=max_age_ms)
    if isinstance(known, PoolState):
        return books.next_block(known, request.due_ns) or replace(request, known=known)
    return known


class FillWatch:
    """Holds the paper orders that wait for their market, by due time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, FillRequest]] = []
        self._known: set[int] = set()
        self._put_off: list[FillRequest] = []

    def add(self, request: FillRequest) -> None:
        """Wait for this request's book; a request known already changes nothing."""
        if request.order_id not in self._known:
            self._known.add(request.order_id)
            heapq.heappush(self._heap, (request.due_ns, request.order_id, request))

    def put_off(self, request: FillRequest) -> None:
        """Yield this request again when they are next asked for: its block has not come."""
        self._known.add(request.order_id)
        self._put_off.append(request)

    def waiting(self) -> Iterable[FillRequest]:
        """Return every request, in no order."""
        return [*self._put_off, *(request for _, _, request in self._heap)]

    def due(self, now_ns: int) -> Iterable[FillRequest]:
        """Yield, earliest first, the requests whose time has come."""
        while self._put_off:
            request = self._put_off.pop()
            heapq.heappush(self._heap, (request.due_ns, request.order_id, request))
        while self._heap and self._heap[0][0] <= now_ns:
            request = heapq.heappop(self._heap)[2]
            self._known.discard(request.order_id)
            yield request


def pending_requests(scope: Scope, *, order_id: int | None = None) -> list[FillRequest]:
    """Return the open paper orders whose book nobody has stored yet, or the one of ``order_id``."""
    waiting = FillObservation.objects.in_scope(scope).filter(observed_at__isnull=True, order__closed_at__isnull=True)
    rows = waiting.select_related("order")
    if order_id is not None:
        rows = rows.filter(order_id=order_id)
    return [_request(row.order, to_ns(row.due_at)) for row in rows]


def _request(order: OrderRow, due_ns: int) -> FillRequest:
    return FillRequest(order.pk, order.market, Side(order.side), due_ns, goes_into_a_block=bool(order.gas_asset))


def store_book(request: FillRequest, book: Market, *, at_ns: int, dispatch: Dispatch) -> None:
    """Store the state an order meets and have its execution stepped; one stored before stays.

    Of a block nobody knows beforehand when it comes: the order met it when it was seen.
    """
    met_ns = book.seen_at_ns if isinstance(book, PoolState) else request.due_ns
    with transaction.atomic():
        stored = FillObservation.objects.filter(order_id=request.order_id, observed_at__isnull=True).update(
            observed_at=from_ns(at_ns), due_at=from_ns(met_ns), book=market_to_json(book)
        )
        if stored:
            execution_id = OrderRow.objects.values_list("execution_id", flat=True).get(pk=request.order_id)
            dispatch.enqueue(EXECUTION_STEP, execution_id)


def record_edges(watched: Watched, left: list[EdgeLeft], *, scope: Scope) -> None:
    """Append an opportunity's decay curve and label its sample; of a near miss there is a sample alone."""
    route_key, at = watched.route.key, from_ns(watched.decided_at_ns)
    opportunity_id = (
        Opportunity.objects.in_scope(scope).filter(route_key=route_key, timestamp=at).values_list("pk", flat=True)
    ).first()
    if watched.is_near_miss:
        if opportunity_id is None:  # else it paid after all at the very same instant
            label_sample(route_key, at, labels_of(watched, left), scope=scope)
        return
    if opportunity_id is None or _has_curve(opportunity_id, at):
        return
    with transaction.atomic():
        EdgeObservation.objects.bulk_create(
            EdgeObservation(
                **scope.columns,
                timestamp=at + timedelta(milliseconds=edge.offset_ms),
                opportunity_id=opportunity_id,
                offset_ms=edge.offset_ms,
                net_bps=edge.net_bps,
                size=edge.size,
            )
            for edge in left
        )
        label_sample(route_key, at, labels_of(watched, left), scope=scope)


def _has_curve(opportunity_id: int, decided_at: datetime) -> bool:
    # by its time as well, so that of a series only the newest part is searched
    return EdgeObservation.objects.filter(opportunity_id=opportunity_id, timestamp__gte=decided_at).exists()


def labels_of(watched: Watched, left: Sequence[EdgeLeft]) -> LabelReport:
    """Return what the look at the trading delay tells of a sample; nothing where a market was not seen then."""
    look = at_delay(left)
    known_at = from_ns(watched.decided_at_ns + look.offset_ms * NS_PER_MS)
    if look.net_bps is None:
        return LabelReport(known_at)
    return LabelReport(
        known_at,
        edge_at_latency_bps=None if look.planned_bps is None else to_float(look.planned_bps),
        fillable_share_at_latency=None
        if watched.planned is None
        else to_float(look.size) / to_float(watched.planned[0]),
    )


class StoredBooks:
    """Tells the paper venue what an order meets, from rows alone: queueing changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def observed(self, client_id: str) -> Observed | Pending | Missed | NeverPlaced:
        """Return the stored observation for the order of that client id."""
        row = FillObservation.objects.select_related("order").filter(order__client_id=client_id).first()
        if row is None:
            return NeverPlaced()
        if row.book is not None:
            return Observed(order_for_venue(row.order), market_from_json(row.book))
        waited_ms = (self._clock.now_ns() - to_ns(row.due_at)) // NS_PER_MS
        return Missed() if waited_ms > timeout_ms(goes_into_a_block=bool(row.order.gas_asset)) else Pending()
