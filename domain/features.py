"""What the models see of a candidate: one fixed, named, hashed tuple of floats, reckoned once at decision time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate
from typing import TypeAlias

from domain.book import levels_facing
from domain.gas import GasDue
from domain.market import Level, Market, PoolState, Side
from domain.money import EXACT, to_float
from domain.routes import Route
from domain.terms import Sized
from domain.timestamps import NS_PER_MS, NS_PER_S

FEATURE_SET = "v2"
FEATURE_NAMES: tuple[str, ...] = (
    "gross_bps",
    "net_bps",
    "cost_bps",
    "log_notional_quote",
    "buy_depth_share",
    "sell_depth_share",
    "buy_levels",
    "sell_levels",
    "buy_slip_bps",
    "sell_slip_bps",
    "buy_spread_bps",
    "sell_spread_bps",
    "buy_imbalance",
    "sell_imbalance",
    "buy_age_ms",
    "sell_age_ms",
    "skew_ms",
    "hour_sin",
    "hour_cos",
    "volatility_1h",
    "volatility_24h",
    "volatility_ratio",
    "returns_1h",
    "volatility_7d",
    "log_volume_24h",
    "gas_bps",
    "gas_trend",
    "route_count",
    "route_survival",
    "route_left_bps",
    "depeg_bps",
)
MAY_BE_UNKNOWN: frozenset[str] = frozenset(  # all others are finite in every vector
    {
        "volatility_1h",
        "volatility_24h",
        "volatility_ratio",
        "returns_1h",
        "volatility_7d",
        "log_volume_24h",
        "gas_trend",
        "route_count",
        "route_survival",
        "route_left_bps",
        "depeg_bps",
    }
)
FEATURE_HASH = sha256("\n".join((FEATURE_SET, *FEATURE_NAMES)).encode()).hexdigest()

_UNKNOWN = math.nan
_NS_PER_DAY = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The values of ``FEATURE_NAMES``, in their order; ``nan`` where the context did not know."""

    values: tuple[float, ...]

    def as_dict(self) -> dict[str, float | None]:
        """Return the values by name; None (as JSON has no ``nan``) where unknown."""
        return {
            name: None if math.isnan(value) else value for name, value in zip(FEATURE_NAMES, self.values, strict=True)
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, float | None]) -> "FeatureVector":
        """Return the vector that ``as_dict`` stored; what was not stored is unknown, what is no number infinite."""
        return cls(tuple(_number(stored.get(name)) for name in FEATURE_NAMES))


@dataclass(frozen=True, slots=True)
class FeatureContext:
    """What rows tell of a pair: annualised volatilities and the last hour's return as shares, a day's volume in base.

    Recordings keep it by the order of its fields: a new one comes last.
    """

    volatility_1h: float = field(default=_UNKNOWN)
    volatility_24h: float = field(default=_UNKNOWN)
    returns_1h: float = field(default=_UNKNOWN)
    volatility_7d: float = field(default=_UNKNOWN)
    volume_24h: float = field(default=_UNKNOWN)


Contexts: TypeAlias = Mapping[str, FeatureContext]  # by pair, as BTC/USD


@dataclass(frozen=True, slots=True)
class RoutePast:
    """What became of a route's earlier edges, older ones counting for less: how many, and how they fared at the delay.

    ``survival`` is the share that still paid then, ``left_bps`` the mean of what was left; unknown where there is none.
    """

    count: float = field(default=_UNKNOWN)
    survival: float = field(default=_UNKNOWN)
    left_bps: float = field(default=_UNKNOWN)


NO_CONTEXT, NO_PAST = FeatureContext(), RoutePast()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the two markets.

    ``gas_trend`` is how far the gas price stands above its own recent mean, as a share, 0 where no leg is on a chain;
    ``depeg_bps`` how far the quote stands from the rate it is valued at.
    """

    context: FeatureContext = NO_CONTEXT
    past: RoutePast = NO_PAST
    gas: GasDue | None = None
    gas_trend: float = field(default=_UNKNOWN)
    depeg_bps: float = field(default=_UNKNOWN)


def features_of(
    route: Route, markets: tuple[Market, Market], sized: Sized, *, now_ns: int, known: Surroundings
) -> FeatureVector:
    """Return what the models see of this route, these markets and this size; a pool is as deep as its slices show."""
    buy, sell = markets
    named = {
        **_edge(sized),
        **_depth("buy", sized.buy_quantity, buy.asks, _reached(buy, Side.BUY, sized)),
        **_depth("sell", sized.sell_quantity, sell.bids, _reached(sell, Side.SELL, sized)),
        **_slip("buy", buy.best_ask, sized.buy_worst),
        **_slip("sell", sell.best_bid, sized.sell_worst),
        **_shape("buy", markets[0], now_ns),
        **_shape("sell", markets[1], now_ns),
        "skew_ms": abs(markets[0].seen_at_ns - markets[1].seen_at_ns) / NS_PER_MS,
        **_hour(now_ns),
        **_context(known.context, to_float(buy.best_ask)),
        **_gas(known, to_float(sized.buy_quote)),
        **_past(known.past),
        "depeg_bps": known.depeg_bps,
    }
    return FeatureVector(tuple(named[name] for name in FEATURE_NAMES))


def _number(stored: object) -> float:
    if stored is None:
        return _UNKNOWN
    try:
        return float(stored) if isinstance(stored, int | float) else math.inf
    except OverflowError:
        return math.inf


def _edge(sized: Sized) -> dict[str, float]:
    spent = to_float(sized.buy_quote)
    gross_bps, net_bps = (to_float(value) / spent * 1e4 for value in (sized.gross_quote, sized.net_quote))
    return {
        "gross_bps": gross_bps,
        "net_bps": net_bps,
        "cost_bps": gross_bps - net_bps,
        "log_notional_quote": math.log(spent),
    }


def _depth(name: str, quantity: Decimal, levels: Sequence[Level], reached: int) -> dict[str, float]:
    depth = math.fsum(to_float(level.quantity) for level in levels)
    return {f"{name}_depth_share": to_float(quantity) / depth, f"{name}_levels": float(reached)}


def _reached(market: Market, side: Side, sized: Sized) -> int:
    """How many levels the trade takes; beyond the slices that a pool shows, all of them."""
    is_buy, levels = side is Side.BUY, levels_facing(market, side)
    if not isinstance(market, PoolState):
        worst = sized.buy_worst if is_buy else sized.sell_worst
        return next(number for number, level in enumerate(levels, start=1) if level.price == worst)
    quantity = sized.buy_quantity if is_buy else sized.sell_quantity
    depths = accumulate((level.quantity for level in levels), EXACT.add)
    return next((number for number, depth in enumerate(depths, start=1) if depth >= quantity), len(levels))


def _slip(name: str, best: Decimal, worst: Decimal) -> dict[str, float]:
    first, last = to_float(best), to_float(worst)
    return {f"{name}_slip_bps": abs(last - first) / first * 1e4}


def _shape(name: str, book: Market, now_ns: int) -> dict[str, float]:
    bid, ask = to_float(book.best_bid), to_float(book.best_ask)
    bid_size, ask_size = to_float(book.bids[0].quantity), to_float(book.asks[0].quantity)
    return {
        f"{name}_spread_bps": (ask - bid) / (ask + bid) * 2e4,
        f"{name}_imbalance": (bid_size - ask_size) / (bid_size + ask_size),
        f"{name}_age_ms": (now_ns - book.seen_at_ns) / NS_PER_MS,
    }


def _hour(now_ns: int) -> dict[str, float]:
    angle = 2 * math.pi * (now_ns % _NS_PER_DAY) / _NS_PER_DAY
    return {"hour_sin": math.sin(angle), "hour_cos": math.cos(angle)}


def _context(context: FeatureContext, price: float) -> dict[str, float]:
    is_measured = context.volatility_24h > 0  # false for nan as well
    return {
        "volatility_1h": context.volatility_1h,
        "volatility_24h": context.volatility_24h,
        "volatility_ratio": context.volatility_1h / context.volatility_24h if is_measured else _UNKNOWN,
        "returns_1h": context.returns_1h,
        "volatility_7d": context.volatility_7d,
        "log_volume_24h": math.log1p(context.volume_24h * price),  # in quote
    }


def _gas(known: Surroundings, spent: float) -> dict[str, float]:
    if known.gas is None:
        return {"gas_bps": 0.0, "gas_trend": 0.0}
    return {"gas_bps": to_float(known.gas.quote) / spent * 1e4, "gas_trend": known.gas_trend}


def _past(past: RoutePast) -> dict[str, float]:
    return {"route_count": past.count, "route_survival": past.survival, "route_left_bps": past.left_bps}
