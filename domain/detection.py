"""From a changed market to candidates: the funnel that every route passes or leaves with a reason.

Stages in order: ``fresh`` (no_book, stale, future, skewed), ``conversion`` (no_conversion), ``crossed`` (not_crossed),
``cost`` (below_threshold, no_gas_price), ``size`` (too_small, no_inventory, no_rate, out_of_range). What comes out is a
candidate.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.background import Background
from domain.book import staleness
from domain.costs import CostLine, FeeSchedule, schedule_of
from domain.errors import BadInput
from domain.features import NO_CONTEXT, NO_PAST, Contexts, FeatureVector, Surroundings, features_of
from domain.gas import GasDue, GasTerms, gas_due, native_price, terms_of
from domain.inventory import UNLIMITED, Holdings
from domain.market import Asset, Market, MarketKey, PoolState
from domain.money import EXACT, ZERO, bps_of, from_float, quantize_down, to_float
from domain.peg import depeg_bps
from domain.routes import MarketView, Route
from domain.screen import MARGIN_BPS, edges_bps, factor_of
from domain.sizing import size_near_miss, size_route
from domain.terms import Caps, Lot, Rejected, Sized
from domain.timestamps import NS_PER_MS

LARGEST_EDGE_BPS = Decimal(10) ** 9


class Stage(StrEnum):
    """How far a route came before it was left; scores and admission come after detection."""

    FRESH = "fresh"
    CONVERSION = "conversion"
    CROSSED = "crossed"
    COST = "cost"
    SIZE = "size"
    SCORE = "score"
    ADMISSION = "admission"
    PAID = "paid"  # not left at all: it became a candidate


STAGES: tuple[Stage, ...] = tuple(Stage)


@dataclass(frozen=True, slots=True)
class DetectConfig:
    """The thresholds, fees and lots that detection works by; ``context`` is told to the models beside the books.

    ``gas`` says, by venue of pools, what a swap there takes.
    """

    min_net_bps: Decimal
    max_age_ms: int
    max_skew_ms: int
    fees: Mapping[str, FeeSchedule]
    lots: Mapping[MarketKey, Lot]
    caps: Caps
    quote_usd: Mapping[str, Decimal]
    context: Contexts = field(default_factory=dict)
    resolution_s: int = 0  # how coarse the books are: 0 for order books, 60 for one-minute candles
    gas: Mapping[str, GasTerms] = field(default_factory=dict)
    near_miss_bps: Decimal = ZERO  # an edge so far below the threshold is sampled for the models; 0 for none
    exploration_share: Decimal = ZERO  # of what the models refuse, traded all the same to learn from

    def __post_init__(self) -> None:
        for name in ("max_age_ms", "max_skew_ms"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} must not be negative, it is {getattr(self, name)}")

    def pays(self, net_bps: Decimal) -> bool:
        """Return whether a net edge clears the threshold, which is never below zero."""
        return net_bps > self.min_net_bps and net_bps > ZERO

    def is_near_miss(self, net_bps: Decimal) -> bool:
        """Return whether a net edge falls short by less than the distance at which it is still sampled."""
        least = max(self.min_net_bps, ZERO)
        return EXACT.subtract(least, self.near_miss_bps) < net_bps <= least

    def in_usd(self, amount: Decimal, asset: Asset) -> Decimal:
        """Return what an amount of a quote asset is worth in US dollars, rounded down. Raises: KeyError."""
        return quantize_down(EXACT.multiply(amount, self.quote_usd[asset.symbol]))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route that pays after every cost, with all that the decision rests on; ``size`` is the base bought."""

    route: Route
    size: Decimal
    gross_bps: Decimal
    net_bps: Decimal
    costs: tuple[CostLine, ...]
    features: FeatureVector
    markets: tuple[Market, Market]
    sized: Sized
    judged_at_ns: int
    gas: GasDue | None = None  # None where neither leg is on a chain

    @property
    def ages_ms(self) -> tuple[float, float]:
        """Return how long ago each leg's market had been seen when it was judged, buy first."""
        buy, sell = ((self.judged_at_ns - market.seen_at_ns) / NS_PER_MS for market in self.markets)
        return buy, sell

    @property
    def skew_ms(self) -> float:
        """Return how far apart the two markets were seen."""
        return abs(self.markets[0].seen_at_ns - self.markets[1].seen_at_ns) / NS_PER_MS


def detect(
    changed: MarketKey,
    view: MarketView,
    *,
    now_ns: int,
    config: DetectConfig,
    holdings: Holdings = UNLIMITED,
    background: Background | None = None,
) -> Iterator[Candidate | Rejected]:
    """Yield, for every route with a leg on ``changed``, a candidate or the reason why it is none.

    Without a ``background`` the models are told of no past.
    Raises: BadInput where fees, lots or gas of a market are not stated.
    """
    oldest_ns = now_ns - config.max_age_ms * NS_PER_MS
    skew_ns = config.max_skew_ms * NS_PER_MS
    ours, venue = view.book(changed), changed.venue
    for route in view.routes(changed):
        buy = ours if route.buy.venue == venue else view.book(route.buy.market)
        sell = ours if route.sell.venue == venue else view.book(route.sell.market)
        if buy is None or sell is None:
            yield Rejected(route, "no_book", Stage.FRESH)
        elif not _is_fresh(buy, sell, oldest_ns, now_ns, skew_ns) and (fault := _age_fault(buy, sell, now_ns, config)):
            yield Rejected(route, fault, Stage.FRESH)
        else:
            yield _screen(route, buy, sell, config) or _judge(
                route, (buy, sell), holdings, _Look(view, now_ns, config, background)
            )


def near_miss_of(
    found: Rejected, view: MarketView, *, now_ns: int, config: DetectConfig, background: Background | None = None
) -> Candidate | None:
    """Return what a route that fell short would have been traded as, had it paid; its edge is the exact one.

    None where that is no near miss: gas or lots may cost more than the best prices tell.
    Raises: as ``detect``.
    """
    route = found.route
    buy, sell = (view.book(leg.market) for leg in route.legs)
    if buy is None or sell is None:
        return None
    gas = gas_of(route, (buy, sell), view, now_ns=now_ns, config=config)
    if isinstance(gas, Rejected):
        return None
    sized = size_near_miss(route, (buy, sell), config=config, gas=gas)
    edges = None if sized is None else exact_edges_bps(sized)
    if sized is None or edges is None or not config.is_near_miss(edges[1]):
        return None
    return _candidate(route, (buy, sell), sized, edges, gas, _Look(view, now_ns, config, background))


def gas_of(
    route: Route, markets: tuple[Market, Market], view: MarketView, *, now_ns: int, config: DetectConfig
) -> GasDue | Rejected | None:
    """Return what the leg on a pool costs in gas, None where there is none, or that no price of it is known now.

    Raises: BadInput where no gas is stated for the pool's venue.
    """
    pool = next((market for market in markets if isinstance(market, PoolState)), None)
    if pool is None:
        return None
    terms, quote = terms_of(config.gas, pool.venue), route.buy.pair.quote
    price = native_price(
        terms.asset, quote, view, quote_usd=config.quote_usd, now_ns=now_ns, max_age_ms=config.max_age_ms
    )
    return Rejected(route, "no_gas_price", Stage.COST) if price is None else gas_due(pool, terms, price)


def exact_edges_bps(sized: Sized) -> tuple[Decimal, Decimal] | None:
    """Return the gross and the net edge; None where they are beyond what any market ever paid."""
    try:
        gross_bps, net_bps = (bps_of(part, sized.buy_quote) for part in (sized.gross_quote, sized.net_quote))
    except ArithmeticError:
        return None
    return None if gross_bps > LARGEST_EDGE_BPS else (quantize_down(gross_bps), quantize_down(net_bps))


class _Look(NamedTuple):
    """What is known when a route is looked at."""

    view: MarketView
    now_ns: int
    config: DetectConfig
    background: Background | None


def _is_fresh(buy: Market, sell: Market, oldest_ns: int, now_ns: int, skew_ns: int) -> bool:
    """Whether neither age can be at fault; most looks need ask no more."""
    bought_at_ns, sold_at_ns = buy.seen_at_ns, sell.seen_at_ns
    return (
        oldest_ns <= bought_at_ns <= now_ns >= sold_at_ns >= oldest_ns
        and buy.venue_at_ns <= now_ns >= sell.venue_at_ns
        and -skew_ns <= bought_at_ns - sold_at_ns <= skew_ns
    )


def _screen(route: Route, buy: Market, sell: Market, config: DetectConfig) -> Rejected | None:
    if not route.is_of_one_quote:  # a conversion leg is not priced yet, so unlike quotes never net
        return Rejected(route, "no_conversion", Stage.CONVERSION)
    if not (buy.asks and sell.bids):
        return Rejected(route, "no_book", Stage.FRESH)
    bid, ask = sell.best_bid, buy.best_ask
    if bid <= ask:
        return Rejected(route, "not_crossed", Stage.CROSSED)
    factor = factor_of(schedule_of(config.fees, buy.venue), schedule_of(config.fees, sell.venue))
    gross_bps, net_bps = edges_bps(ask, bid, factor)
    if net_bps > to_float(config.min_net_bps) - MARGIN_BPS:
        return None
    return Rejected(route, "below_threshold", Stage.COST, _shown(gross_bps), _shown(net_bps))


def _shown(edge_bps: float) -> Decimal:
    return from_float(round(edge_bps, 4))


def _age_fault(buy: Market, sell: Market, now_ns: int, config: DetectConfig) -> str | None:
    for book in (buy, sell):
        reason = staleness(book, now_ns=now_ns, max_age_ms=config.max_age_ms)
        if reason is not None:
            return reason
    is_skewed = abs(buy.seen_at_ns - sell.seen_at_ns) > config.max_skew_ms * NS_PER_MS
    return "skewed" if is_skewed else None


def _judge(route: Route, markets: tuple[Market, Market], holdings: Holdings, look: _Look) -> Candidate | Rejected:
    config = look.config
    gas = gas_of(route, markets, look.view, now_ns=look.now_ns, config=config)
    if isinstance(gas, Rejected):
        return gas
    sized = size_route(route, markets, config=config, holdings=holdings, gas=gas)
    if isinstance(sized, Rejected):
        return _below_threshold(sized, config) or sized
    edges = exact_edges_bps(sized)
    if edges is None:
        return Rejected(route, "out_of_range", Stage.SIZE)
    if not config.pays(edges[1]):
        return Rejected(route, "below_threshold", Stage.COST, *edges)
    return _candidate(route, markets, sized, edges, gas, look)


def _below_threshold(found: Rejected, config: DetectConfig) -> Rejected | None:
    """What would not have been worth its while is not said to have lacked inventory."""
    if found.net_bps is None or config.pays(found.net_bps):
        return None
    return found._replace(reason="below_threshold", at_stage=Stage.COST)


def _candidate(
    route: Route,
    markets: tuple[Market, Market],
    sized: Sized,
    edges: tuple[Decimal, Decimal],
    gas: GasDue | None,
    look: _Look,
) -> Candidate:
    features = features_of(route, markets, sized, now_ns=look.now_ns, known=_surroundings(route, markets, gas, look))
    return Candidate(route, sized.buy_quantity, *edges, sized.costs, features, markets, sized, look.now_ns, gas)


def _surroundings(route: Route, markets: tuple[Market, Market], gas: GasDue | None, look: _Look) -> Surroundings:
    view, now_ns, config, background = look
    pool = next((market for market in markets if isinstance(market, PoolState)), None)
    return Surroundings(
        context=config.context.get(route.buy.pair.symbol, NO_CONTEXT),
        past=NO_PAST if background is None else background.past_of(route.key, now_ns=now_ns),
        gas=gas,
        gas_trend=math.nan if pool is None or background is None else background.gas_trend(pool, now_ns=now_ns),
        depeg_bps=depeg_bps(
            route, markets, view, quote_usd=config.quote_usd, now_ns=now_ns, max_age_ms=config.max_age_ms
        ),
    )
