"""The volatility job, every minute: bars brought up to date, one row for every market seen lately, risk told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import structlog
from django.db import transaction

from domain.breakers import VolatilityReading
from domain.market import Clock
from domain.money import to_float
from domain.scope import Scope
from domain.timestamps import from_ns
from ops.bulk import append_rows
from ops.locks import advisory
from risk.services import note_volatility
from trading.models import MarketSnapshot, MarketVolatility
from trading.services.volatility.bars import record_books
from trading.services.volatility.minute_cache import (
    RECENT,
    WEEK,
    WINDOWS,
    MarketMinutes,
    MarketName,
    MinuteCache,
    minute_of,
    start_of,
)
from trading.services.volatility.venue_bars import day_volumes, fetch_bars
from trading.venues.bars import BarSource

log = structlog.get_logger(__name__)

STALE_AFTER = timedelta(minutes=2)
BASELINE_AFTER = 100  # minutes; trades bounce between bid and ask: a venue's candles alone are no baseline for middles
NO_SOURCES: Mapping[str, BarSource] = {}

_FIGURES = (
    *(f"{kind}_{name}" for kind in ("volatility", "returns", "known") for name in WINDOWS),
    "volume_24h",
    "liquidity_usd",
)
_COLUMNS = ("mode", "run_id", "timestamp", "venue", "symbol", *_FIGURES)


def update(
    scope: Scope, *, clock: Clock, sources: Mapping[str, BarSource] = NO_SOURCES, cache: MinuteCache | None = None
) -> int:
    """Append one row for every market seen lately, tell risk, and return how many markets that was.

    ``sources`` tell what venues themselves say of their minutes. What is known is kept in this process; never are two
    at it at once, and one that comes meanwhile leaves it.
    """
    with advisory(f"volatility of {scope}") as is_ours:
        if not is_ours:
            log.warning("volatility_left_out", scope=str(scope), reason="the last one is still at it")
            return 0
        return _update(scope, from_ns(clock.now_ns()), sources, cache or cache_of(scope))


@lru_cache(maxsize=4)
def cache_of(scope: Scope) -> MinuteCache:
    """Return what this process knows of a scope."""
    return MinuteCache(scope)


def _update(scope: Scope, now: datetime, sources: Mapping[str, BarSource], cache: MinuteCache) -> int:
    latest = _latest_snapshots(scope, now)
    minute = minute_of(now) - 1  # the last whole one
    since = minute - (WEEK if cache.is_new else RECENT)
    record_books(scope, since=start_of(since), until=start_of(minute + 1))
    cache.read(minute)
    if fetch_bars(scope, list(latest), cache, sources, minute):
        cache.read(minute)
    volumes = day_volumes(list(latest), cache, sources)
    with transaction.atomic():
        _append(scope, latest, cache, volumes, now)
        for name in latest:
            _tell_risk(scope, name, cache.market(name), minute, now)
    return len(latest)


def _latest_snapshots(scope: Scope, now: datetime) -> dict[MarketName, MarketSnapshot]:
    recent = MarketSnapshot.objects.in_scope(scope).filter(timestamp__gt=now - STALE_AFTER, timestamp__lte=now)
    rows = recent.order_by("venue", "symbol", "-timestamp").distinct("venue", "symbol")
    return {MarketName(row.venue, row.symbol): row for row in rows}


def _append(
    scope: Scope,
    latest: Mapping[MarketName, MarketSnapshot],
    cache: MinuteCache,
    volumes: Mapping[MarketName, Decimal],
    now: datetime,
) -> None:
    rows = []
    for name, snapshot in latest.items():
        figures = _figures(cache.market(name))
        if name in volumes:
            figures["volume_24h"] = to_float(volumes[name])
        figures["liquidity_usd"] = to_float(snapshot.bid_depth_usd + snapshot.ask_depth_usd)
        rows.append((*scope.columns.values(), now, *name, *map(figures.get, _FIGURES)))
    append_rows(MarketVolatility, _COLUMNS, rows)


def _figures(market: MarketMinutes) -> dict[str, float | None]:
    figures: dict[str, float | None] = {f"known_{name}": share for name, share in market.known().items()}
    for name, found in market.realised().items():
        if found is not None:
            figures |= {f"volatility_{name}": found.volatility, f"returns_{name}": found.returns}
    return figures


def _tell_risk(scope: Scope, name: MarketName, market: MarketMinutes, minute: int, now: datetime) -> None:
    if market.seen_since is None or minute - market.seen_since < BASELINE_AFTER:
        return
    shown = market.realised()
    short, baseline = shown["1h"], shown["24h"]
    if short is not None and baseline is not None:
        reading = VolatilityReading(short.volatility, baseline.volatility, short.count, " ".join(name))
        note_volatility(reading, scope=scope, now=now)
