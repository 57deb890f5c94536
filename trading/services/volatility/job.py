"""The volatility job, every minute: bars brought up to date, one row for every market seen lately, risk told."""

from collections.abc import Iterator, Mapping
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
from trading.services.volatility.keeper import WEEK, WINDOWS, Keeper, Market, Named, minute_of, start_of
from trading.services.volatility.told import ask_minutes, day_volumes
from trading.venues.bars import BarSource

log = structlog.get_logger(__name__)

STALE_AFTER = timedelta(minutes=2)
LOOK_BACK = 10  # minutes; a snapshot later than this is left out
BASELINE_AFTER = 100  # minutes; trades bounce between bid and ask: a venue's candles alone are no baseline for middles
NO_SOURCES: Mapping[str, BarSource] = {}

_FIGURES = (
    *(f"{kind}_{name}" for kind in ("volatility", "returns", "known") for name in WINDOWS),
    "volume_24h",
    "liquidity_usd",
)
_COLUMNS = ("mode", "run_id", "timestamp", "venue", "symbol", *_FIGURES)


def update(
    scope: Scope, *, clock: Clock, sources: Mapping[str, BarSource] = NO_SOURCES, keeper: Keeper | None = None
) -> int:
    """Append one row for every market seen lately, tell risk, and return how many markets that was.

    ``sources`` tell what venues themselves say of their minutes. What is known is kept in this process; never are two
    at it at once, and one that comes meanwhile leaves it.
    """
    with advisory(f"volatility of {scope}") as is_ours:
        if not is_ours:
            log.warning("volatility_left_out", scope=str(scope), reason="the last one is still at it")
            return 0
        return _update(scope, from_ns(clock.now_ns()), sources, keeper or keeper_of(scope))


@lru_cache(maxsize=4)
def keeper_of(scope: Scope) -> Keeper:
    """Return what this process knows of a scope."""
    return Keeper(scope)


def _update(scope: Scope, now: datetime, sources: Mapping[str, BarSource], keeper: Keeper) -> int:
    latest = {Named(one.venue, one.symbol): one for one in _markets(scope, now)}
    minute = minute_of(now) - 1  # the last whole one
    since = minute - (WEEK if keeper.is_new else LOOK_BACK)
    record_books(scope, since=start_of(since), until=start_of(minute + 1))
    keeper.read(minute)
    if ask_minutes(scope, list(latest), keeper, sources, minute):
        keeper.read(minute)
    volumes = day_volumes(list(latest), keeper, sources)
    with transaction.atomic():
        _append(scope, latest, keeper, volumes, now)
        for named in latest:
            _tell_risk(scope, named, keeper.market(named), minute, now)
    return len(latest)


def _markets(scope: Scope, now: datetime) -> Iterator[MarketSnapshot]:
    recent = MarketSnapshot.objects.in_scope(scope).filter(timestamp__gt=now - STALE_AFTER, timestamp__lte=now)
    return iter(recent.order_by("venue", "symbol", "-timestamp").distinct("venue", "symbol"))


def _append(
    scope: Scope,
    latest: Mapping[Named, MarketSnapshot],
    keeper: Keeper,
    volumes: Mapping[Named, Decimal],
    now: datetime,
) -> None:
    rows = []
    for named, snapshot in latest.items():
        figures = _figures(keeper.market(named))
        figures["volume_24h"] = to_float(volumes[named]) if named in volumes else None
        figures["liquidity_usd"] = to_float(snapshot.bid_depth_usd + snapshot.ask_depth_usd)
        rows.append((*scope.columns.values(), now, *named, *(figures[name] for name in _FIGURES)))
    append_rows(MarketVolatility, _COLUMNS, rows)


def _figures(market: Market) -> dict[str, float | None]:
    shown, known = market.realised(), market.known()
    figures: dict[str, float | None] = {}
    for name in WINDOWS:
        found = shown[name]
        figures[f"volatility_{name}"] = None if found is None else found.volatility
        figures[f"returns_{name}"] = None if found is None else found.returns
        figures[f"known_{name}"] = known[name]
    return figures


def _tell_risk(scope: Scope, named: Named, market: Market, minute: int, now: datetime) -> None:
    if market.seen_since is None or minute - market.seen_since < BASELINE_AFTER:
        return
    shown = market.realised()
    short, baseline = shown["1h"], shown["24h"]
    if short is not None and baseline is not None:
        reading = VolatilityReading(short.volatility, baseline.volatility, short.count, " ".join(named))
        note_volatility(reading, scope=scope, now=now)
