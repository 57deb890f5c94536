"""What one pair costs everywhere just now: every book and pool, how old each is, and the route with the widest gap."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from domain.errors import BadInput
from domain.market import Clock, Market, MarketKey, Pair
from domain.money import DOWN, EXACT, bps_of
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import NS_PER_MS, from_ns
from mlops.services import load_scorer
from trading.marketdata.view import BookView
from trading.services.decision import Decision
from trading.services.reference.known import known_reference
from trading.services.reference.terms import Reference
from trading.services.scan.connections import Connections
from trading.services.scan.markets import MarketsNow, read_markets
from trading.services.scan.routes import config_now, decide_each_once, gap_bps, route_of, view_of
from trading.venues import roster
from trading.venues.evm.v3 import V3State


@dataclass(frozen=True, slots=True)
class Price:
    """One market's best prices, in quote per base; a pool that only shows its middle has bid and ask alike."""

    venue: str
    bid: Decimal
    ask: Decimal
    spread_bps: Decimal
    age_ms: int
    told_by: str  # stream, rest or chain
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The route whose prices lie furthest apart; ``net_bps`` and ``outcome`` where it was reckoned after costs."""

    buy_venue: str
    sell_venue: str
    gap_bps: Decimal
    net_bps: Decimal | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Prices:
    """One pair everywhere; ``missing`` says why a market shows no price."""

    symbol: str
    at: datetime
    prices: tuple[Price, ...]
    missing: Mapping[str, str]
    gap: Gap | None
    cache_problem: str


def prices_of(symbol: str, scope: Scope, *, clock: Clock, connections: Connections) -> Prices:
    """Return the prices of one pair now. Raises: BadInput for a pair that no venue states."""
    pair, known = Pair.parse(symbol), known_reference(scope)
    wanted = [key for key in known.lots if key.pair == pair]
    if not wanted:
        raise BadInput(_not_stated(pair, known))
    seen = read_markets([*wanted, *_gas_markets(wanted, known)], scope, clock=clock, connections=connections)
    states, problems = connections.read_v3([pair]) if connections.chains else ([], {})
    now_ns = clock.now_ns()
    pools = roster.pool_venues(settings.ARB.venues)
    shown = [_price(seen.markets[key], key in seen.asked, now_ns, pools) for key in wanted if key in seen.markets]
    missing = {key.venue: reason for key, reason in seen.missing.items() if key.pair == pair}
    return Prices(
        symbol=pair.symbol,
        at=from_ns(now_ns),
        prices=tuple(shown + [_v3_price(state, now_ns) for state in states]),
        missing=missing | problems,
        gap=_widest(wanted, seen, known, scope, now_ns),
        cache_problem=seen.cache_problem,
    )


def _not_stated(pair: Pair, known: Reference) -> str:
    watched = ", ".join(one.symbol for one in settings.ARB.pairs)
    if pair not in settings.ARB.pairs:
        return f"{pair} is not watched: ARB_PAIRS names {watched}"
    stated = sorted({key.pair.symbol for key in known.lots})
    return f"no venue lists {pair}" + (f": they list {', '.join(stated)}" if stated else " yet: none has been asked")


def _gas_markets(wanted: Iterable[MarketKey], known: Reference) -> list[MarketKey]:
    """Return the markets that tell what gas costs, where a pool is among those wanted."""
    pools = roster.pool_venues(settings.ARB.venues)
    native = {pools[key.venue].native for key in wanted if key.venue in pools}
    return [key for key in known.lots if key.pair.base in native and key not in set(wanted)]


def _price(market: Market, is_asked: bool, now_ns: int, pools: Mapping[str, object]) -> Price:
    is_pool = market.venue in pools
    return Price(
        venue=market.venue,
        bid=market.best_bid,
        ask=market.best_ask,
        spread_bps=_spread_bps(market.best_bid, market.best_ask),
        age_ms=_age_ms(market.seen_at_ns, now_ns),
        told_by="stream" if not is_asked else "chain" if is_pool else "rest",
        note="pool, after its fee" if is_pool else "",
    )


def _v3_price(state: V3State, now_ns: int) -> Price:
    price = state.price
    age_ms = _age_ms(state.seen_at_ns, now_ns)
    return Price(state.venue, price, price, Decimal(0), age_ms, "chain", "concentrated pool, middle; no route yet")


def _age_ms(seen_at_ns: int, now_ns: int) -> int:
    return max(0, now_ns - seen_at_ns) // NS_PER_MS


def _spread_bps(bid: Decimal, ask: Decimal) -> Decimal:
    middle = DOWN.divide(EXACT.add(bid, ask), Decimal(2))
    return bps_of(EXACT.subtract(ask, bid), middle)


def _widest(wanted: Iterable[MarketKey], seen: MarketsNow, known: Reference, scope: Scope, now_ns: int) -> Gap | None:
    config = config_now(known, scope, now=from_ns(now_ns))
    view, score = view_of([*wanted, *seen.markets], seen, config), load_scorer(scope, now_ns=lambda: now_ns)
    gaps = [
        gap
        for found in decide_each_once(view, config, score, now_ns=now_ns)
        if {leg.market for leg in route_of(found).legs} <= set(wanted) and (gap := _gap(found, view)) is not None
    ]
    return max(gaps, key=lambda gap: gap.gap_bps, default=None)


def _gap(found: Decision | Rejected, view: BookView) -> Gap | None:
    route = route_of(found)
    gap = gap_bps(route, view)
    if gap is None:
        return None
    if isinstance(found, Rejected):
        return Gap(route.buy.venue, route.sell.venue, gap, found.net_bps, found.reason)
    return Gap(route.buy.venue, route.sell.venue, gap, found.candidate.net_bps, found.reason or "pays")
