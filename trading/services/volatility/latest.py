"""The latest figures of a market: what sizing, models and people ask for."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.conf import settings

from domain.features import FeatureContext
from domain.scope import Scope
from trading.models import MarketVolatility
from trading.venues.evm.deployment import table_of

FRESH_FOR = timedelta(minutes=5)


class MarketDataCollector:
    """Answers for one scope, from asynchronous code as well."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get_latest_volatility(self, symbol: str, venue_or_chain: str) -> MarketVolatility | None:
        """Return the latest row of a market, or None where none was written yet; of a chain that of its deepest pool.

        Raises: BadInput where the chain's file of pools cannot be read.
        """
        return await sync_to_async(get_latest_volatility)(symbol, venue_or_chain, scope=self._scope)


def get_market_data_collector() -> MarketDataCollector:
    """Return the collector of the configured mode."""
    return MarketDataCollector(settings.ARB.scope)


def get_latest_volatility(symbol: str, venue_or_chain: str, *, scope: Scope) -> MarketVolatility | None:
    """Return the latest row of a market, or None where none was written yet; of a chain that of its deepest pool.

    Raises: BadInput where the chain's file of pools cannot be read.
    """
    rows = MarketVolatility.objects.in_scope(scope).filter(symbol=symbol, venue__in=_venues_of(venue_or_chain))
    newest = rows.order_by("-timestamp").first()
    if newest is None:
        return None
    return _deepest(rows.filter(timestamp__gt=newest.timestamp - FRESH_FOR).order_by("timestamp"))


def feature_contexts(scope: Scope, *, now: datetime) -> dict[str, FeatureContext]:
    """Return what the models are told of each pair, as BTC/USD, beside its books: the figures of its deepest market."""
    rows = MarketVolatility.objects.in_scope(scope).filter(timestamp__gt=now - FRESH_FOR, timestamp__lte=now)
    by_symbol: dict[str, list[MarketVolatility]] = {}
    for row in rows.order_by("timestamp"):
        by_symbol.setdefault(row.symbol, []).append(row)
    return {symbol: _context(_deepest(found)) for symbol, found in by_symbol.items()}


def _venues_of(venue_or_chain: str) -> set[str]:
    for chain in settings.ARB.venues.chains:
        if chain.name == venue_or_chain:
            return {pool.venue for pool in table_of(chain.name, chain.chain_id, chain.deployment).pools}
    return {venue_or_chain}


def _deepest(rows: Iterable[MarketVolatility]) -> MarketVolatility:
    """Return the last row of the market that holds most; of rows oldest first, and at least one."""
    last = {row.venue: row for row in rows}
    return max(last.values(), key=lambda row: row.liquidity_usd or 0.0)


def _context(row: MarketVolatility) -> FeatureContext:
    known = {one.name: getattr(row, one.name) for one in fields(FeatureContext)}
    return FeatureContext(**{name: value for name, value in known.items() if value is not None})
