"""What every route is worth at one instant, whoever asks: the same ``decide`` as the stream's."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal

import structlog
from django.conf import settings

from domain.detection import DetectConfig
from domain.errors import BadMarketData
from domain.market import MarketKey
from domain.money import EXACT, bps_of
from domain.routes import Route
from domain.scope import Scope
from domain.scores import Scorer
from domain.terms import Rejected
from trading.marketdata.clock import VirtualClock
from trading.marketdata.view import BookView
from trading.services import pipeline
from trading.services.decision import Decision
from trading.services.reference.known import known_fees
from trading.services.reference.terms import Reference, detect_config
from trading.services.scan.markets import MarketsNow
from trading.services.volatility import feature_contexts
from trading.venues import roster

log = structlog.get_logger(__name__)


def config_now(known: Reference, scope: Scope, *, now: datetime) -> DetectConfig:
    """Return the thresholds, fees, lots and context that decisions of ``scope`` go by now."""
    fees, context = known_fees(scope, now=now), feature_contexts(scope, now=now)
    return detect_config(known.lots, account_fees=fees, context=context)


def view_of(
    markets: Iterable[MarketKey],
    seen: MarketsNow,
    config: DetectConfig,
    *,
    only_read: Collection[MarketKey] = frozenset(),
) -> BookView:
    """Return what was seen as a view; a market that does not fit in is left out, and that is logged."""
    view = BookView(markets, origins=roster.origins(settings.ARB.venues), pools=config.gas, only_read=only_read)
    for market in seen.markets.values():
        try:
            view.put(market)
        except BadMarketData as bad:
            log.warning("market_refused", venue=market.venue, symbol=market.pair.symbol, reason=bad.reason)
    return view


def decide_each_once(
    view: BookView, config: DetectConfig, score: Scorer, *, now_ns: int
) -> Iterator[Decision | Rejected]:
    """Yield what each route is worth, once, though both its markets are looked at."""
    instant = VirtualClock()
    instant.set(now_ns)
    looked_at: set[str] = set()
    for market in view.markets:
        for found in pipeline.decide(market, view, config=config, score=score, clock=instant):
            route = route_of(found)
            if route.key not in looked_at:
                looked_at.add(route.key)
                yield found


def route_of(found: Decision | Rejected) -> Route:
    """Return the route that was looked at."""
    return found.route if isinstance(found, Rejected) else found.candidate.route


def gap_bps(route: Route, view: BookView) -> Decimal | None:
    """Return how far the best bid to sell to lies above the best price to buy at; None where a market is missing."""
    buy, sell = view.book(route.buy.market), view.book(route.sell.market)
    if buy is None or sell is None:
        return None
    return bps_of(EXACT.subtract(sell.best_bid, buy.best_ask), buy.best_ask)
