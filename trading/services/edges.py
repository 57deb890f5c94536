"""Edges: each decision's route is looked at again some time later, to see what was left of it.

The best trade then makes the curve of an opportunity's decay; the planned trade, at the trading delay, labels the
sample that the models learn from.
"""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from django.conf import settings
from django.db import transaction

from domain.detection import DetectConfig, exact_edges_bps
from domain.gas import GasDue, NativePrice, gas_due, terms_of
from domain.market import Market, MarketKey, PoolState
from domain.money import ZERO, to_float
from domain.routes import Route
from domain.scope import Scope
from domain.sizing import size_route, take_route
from domain.terms import Rejected, Sized
from domain.timestamps import NS_PER_MS, from_ns
from mlops.services import LabelReport, label_sample
from trading.models import EdgeObservation, Opportunity
from trading.services.decision import Decision, NearMiss
from trading.services.observing import PastBooks, fresh_at

Json = dict[str, Any]
Quantities: TypeAlias = tuple[Decimal, Decimal]

OFFSETS_MS = (100, 250, 500, 1000, 3000)
CANDLE_OFFSETS_MS = tuple(minutes * 60_000 for minutes in (1, 2, 5, 10, 20))


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
    planned: Quantities  # what was to be bought and sold, in base
    gas_rate: Decimal | None  # quote per unit of what a chain takes, at the decision
    is_near_miss: bool
    left: list[EdgeLeft] = field(default_factory=list)


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
            planned=(sized.buy_quantity, sized.sell_quantity),
            gas_rate=None if candidate.gas is None else candidate.gas.rate,
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
        buy, sell = (fresh_at(self._books, leg.market, at_ns, max_age_ms=config.max_age_ms) for leg in route.legs)
        if buy is None or sell is None:
            return EdgeLeft(offset_ms, None, ZERO)
        markets, gas = (buy, sell), _gas_now(watched, (buy, sell))
        best = size_route(route, markets, config=config, gas=gas)
        planned = take_route(route, markets, watched.planned, config=config, gas=gas)
        planned_bps = None if planned is None else _net_bps(planned)
        if isinstance(best, Rejected):
            return EdgeLeft(offset_ms, ZERO, ZERO, planned_bps)
        return EdgeLeft(offset_ms, _net_bps(best), best.buy_quantity, planned_bps)


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
        fillable_share_at_latency=to_float(look.size) / to_float(watched.planned[0]),
    )


def _gas_now(watched: Watched, markets: tuple[Market, Market]) -> GasDue | None:
    """Return what a swap costs at a later look: the gas of its block, at the rate of the decision."""
    pool = next((market for market in markets if isinstance(market, PoolState)), None)
    if pool is None or watched.gas_rate is None:
        return None
    price = NativePrice(watched.gas_rate, MarketKey(pool.venue, pool.pair))
    return gas_due(pool, terms_of(watched.config.gas, pool.venue), price)


def _net_bps(sized: Sized) -> Decimal | None:
    edges = exact_edges_bps(sized)
    return None if edges is None else edges[1]


def _watched_json(watched: Watched) -> Json:
    return {
        "route": watched.route.key,
        "decided_at_ns": watched.decided_at_ns,
        "left": [_edge_json(edge) for edge in watched.left],
        "gas_rate": _text(watched.gas_rate),
        "planned": [str(quantity) for quantity in watched.planned],
        "is_near_miss": watched.is_near_miss,
    }


def _watched_from_json(data: Json, route: Route, config: DetectConfig) -> Watched:
    buy, sell = map(Decimal, data["planned"])
    return Watched(
        route,
        data["decided_at_ns"],
        config,
        planned=(buy, sell),
        gas_rate=_number(data["gas_rate"]),
        is_near_miss=data["is_near_miss"],
        left=[_edge_from_json(*edge) for edge in data["left"]],
    )


def _edge_json(edge: EdgeLeft) -> list[Any]:
    return [edge.offset_ms, _text(edge.net_bps), str(edge.size), _text(edge.planned_bps)]


def _edge_from_json(offset_ms: int, net_bps: str | None, size: str, planned_bps: str | None) -> EdgeLeft:
    return EdgeLeft(offset_ms, _number(net_bps), Decimal(size), _number(planned_bps))


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
