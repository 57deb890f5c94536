"""The volatility job: realised volatility, returns and liquidity of every market from its stored prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from domain.breakers import VolatilityReading
from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns, to_ns
from domain.volatility import PricePoint, Realised, realised
from risk.services import note_volatility
from trading.models import MarketSnapshot, MarketVolatility

MIN_RETURNS = 20
MAX_GAP_NS = 3_600 * NS_PER_S  # nobody watched across a longer gap: it is no return
STALE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Window:
    """A look-back and the grid its prices are taken on: one price a step keeps a week as cheap as an hour."""

    name: str
    length: timedelta
    step: timedelta


HOUR = Window("1h", timedelta(hours=1), timedelta(seconds=10))
DAY = Window("24h", timedelta(days=1), timedelta(minutes=5))
WEEK = Window("7d", timedelta(days=7), timedelta(minutes=30))
WINDOWS = (HOUR, DAY, WEEK)

_PRICES = """
SELECT DISTINCT ON (date_bin(%(step)s, timestamp, '2000-01-03'))
       timestamp, ((bid + ask) / 2)::float8
FROM market_snapshots
WHERE mode = %(mode)s AND run_id = %(run_id)s AND venue = %(venue)s AND symbol = %(symbol)s
  AND timestamp > %(since)s AND timestamp <= %(now)s
ORDER BY date_bin(%(step)s, timestamp, '2000-01-03'), timestamp DESC
"""


def update(scope: Scope, *, clock: Clock) -> int:
    """Append one row for every market seen lately, tell risk, and return how many markets that was."""
    now = from_ns(clock.now_ns())
    markets = list(_markets(scope, now))
    for latest in markets:
        measured = {window: _measure(scope, latest, window, now) for window in WINDOWS}
        with transaction.atomic():
            _append(scope, latest, measured, now)
            _tell_risk(scope, latest, measured, now)
    return len(markets)


def get_latest_volatility(symbol: str, venue: str, *, scope: Scope) -> MarketVolatility | None:
    """Return the latest row of one market, or None where none was written yet."""
    return MarketVolatility.objects.in_scope(scope).filter(symbol=symbol, venue=venue).order_by("-timestamp").first()


def _markets(scope: Scope, now: datetime) -> Iterator[MarketSnapshot]:
    recent = MarketSnapshot.objects.in_scope(scope).filter(timestamp__gt=now - STALE_AFTER, timestamp__lte=now)
    return iter(recent.order_by("venue", "symbol", "-timestamp").distinct("venue", "symbol"))


def _measure(scope: Scope, market: MarketSnapshot, window: Window, now: datetime) -> Realised | None:
    given: dict[str, Any] = {
        **scope.columns,
        "venue": market.venue,
        "symbol": market.symbol,
        "since": now - window.length,
        "now": now,
        "step": window.step,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PRICES, given)
        points = [PricePoint(to_ns(at), price) for at, price in cursor.fetchall()]
    length_ns = int(window.length.total_seconds()) * NS_PER_S
    return realised(points, window_ns=length_ns, now_ns=to_ns(now), max_gap_ns=MAX_GAP_NS, min_count=MIN_RETURNS)


def _append(scope: Scope, market: MarketSnapshot, measured: dict[Window, Realised | None], now: datetime) -> None:
    figures: dict[str, float] = {}
    for window, found in measured.items():
        if found is not None:
            figures |= {f"volatility_{window.name}": found.volatility, f"returns_{window.name}": found.returns}
    MarketVolatility.objects.create(
        **scope.columns,
        timestamp=now,
        venue=market.venue,
        symbol=market.symbol,
        liquidity_usd=float(market.bid_depth_usd + market.ask_depth_usd),
        **figures,
    )


def _tell_risk(scope: Scope, market: MarketSnapshot, measured: dict[Window, Realised | None], now: datetime) -> None:
    short, baseline = measured[HOUR], measured[DAY]
    if short is not None and baseline is not None:
        reading = VolatilityReading(
            short.volatility, baseline.volatility, short.count, f"{market.venue} {market.symbol}"
        )
        note_volatility(reading, scope=scope, now=now)
