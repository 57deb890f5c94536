"""Reads of what was offered, and of the episodes that cleared the fees, for the verdict; each is bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Sum

from domain.execution import ExecutionState
from domain.money import ZERO
from domain.scope import Scope
from domain.verdict import Episode, Histogram
from ops.sql import rows_of
from trading.models import EvaluationCount, Execution, ExecutionLog
from trading.selectors.pages import looks_by_reason
from trading.selectors.terms import Span

MOST_EPISODES = 100_000  # newest first: what a look at the trades takes in
MOST_MEASURED = 20_000  # of these, what is followed one by one
MOST_LOOKS = 32  # later looks at one of them
MOST_ROUTES = 40  # those that offered most


class Way(NamedTuple):
    """A direction between two venues."""

    buy_venue: str
    sell_venue: str

    @property
    def pair(self) -> tuple[str, str]:
        """Return the two venues in the order of their names."""
        first, second = sorted(self)
        return first, second


@dataclass(frozen=True, slots=True)
class DayOffers:
    """What one direction between two venues offered on one day."""

    day: date
    way: Way
    offered: Histogram


@dataclass(frozen=True, slots=True)
class RouteOffers:
    """What one route offered."""

    route_key: str
    offered: Histogram


@dataclass(frozen=True, slots=True)
class DayTrades:
    """The episodes of one route that cleared the fees on one day, and what came of those that were executed."""

    day: date
    route_key: str
    count: int
    planned_usd: Decimal
    executed: int
    settled_usd: Decimal


@dataclass(frozen=True, slots=True)
class Gas:
    """What the swaps of a span paid for gas, those that reverted included."""

    swaps: int
    usd: Decimal


NO_GAS = Gas(0, ZERO)


@dataclass(frozen=True, slots=True)
class DayLeft:
    """What was left of the edges of one day in one direction at one later look."""

    day: date
    way: Way
    offset_ms: int
    count: int
    paying: int
    left_bps: Decimal
    of_bps: Decimal


def way_of(route_key: str) -> Way:
    """Return the venues that a route buys and sells at."""
    buy, _, sell = route_key.partition(">")
    return Way(buy.partition(":")[0], sell.partition(":")[0])


_OFFERS = """
WITH seen AS MATERIALIZED (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, route_key, tenth_bps, sum(count) AS total
    FROM offered_edges WHERE mode = %s AND run_id = %s AND hour >= %s AND hour < %s GROUP BY 1, 2, 3
), best AS (
    SELECT route_key, max(tenth_bps) AS greatest FROM seen GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
)
SELECT day, split_part(route_key, ':', 1), split_part(split_part(route_key, '>', 2), ':', 1), tenth_bps,
       sum(total)::bigint, 0 AS greatest
FROM seen GROUP BY 1, 2, 3, 4
UNION ALL
SELECT NULL, route_key, '', tenth_bps, sum(total)::bigint, greatest
FROM seen JOIN best USING (route_key) GROUP BY 2, 4, greatest
ORDER BY 6 DESC, 1, 2, 3, 4
"""
_HOURS = """
SELECT (hour AT TIME ZONE 'UTC')::date, count(*)
FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour', interval '1 hour') AS hours(hour)
WHERE EXISTS (
    SELECT FROM trading_evaluationcount
    WHERE mode = %s AND run_id = %s AND trading_evaluationcount.hour = hours.hour
      AND stage NOT IN ('fresh', 'conversion')
)
GROUP BY 1
"""
_NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT id, timestamp, closed_at, route_key, buy_venue, sell_venue, symbol, notional_usd, edge_bps, executed,
           profit_usd, resolution_s
    FROM arbitrage_opportunities WHERE mode = %s AND run_id = %s AND timestamp >= %s AND timestamp < %s
    ORDER BY timestamp DESC LIMIT %s
)
"""
_TRADES = (
    _NEWEST
    + """
SELECT (timestamp AT TIME ZONE 'UTC')::date, route_key, count(*), sum(notional_usd * edge_bps) / 10000,
       count(*) FILTER (WHERE executed), coalesce(sum(profit_usd), 0)
FROM newest GROUP BY 1, 2 ORDER BY 1, 2
"""
)
_EPISODES = (
    _NEWEST
    + """
SELECT timestamp, buy_venue, sell_venue, symbol, notional_usd, notional_usd * edge_bps / 10000,
       extract(epoch FROM closed_at - timestamp)::float8 + resolution_s
FROM newest ORDER BY timestamp, id
"""
)
_LEFT = (
    _NEWEST  # noqa: S608 -- made of constants
    + """
SELECT (newest.timestamp AT TIME ZONE 'UTC')::date, buy_venue, sell_venue, looked.offset_ms, count(*),
       count(*) FILTER (WHERE looked.net_bps > 0), sum(greatest(looked.net_bps, 0)), sum(edge_bps)
FROM newest CROSS JOIN LATERAL (
    SELECT offset_ms, net_bps FROM edge_observations
    WHERE opportunity_id = newest.id AND timestamp >= newest.timestamp AND mode = %s AND run_id = %s
      AND net_bps IS NOT NULL LIMIT %s
) looked
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
)


def offers_in(scope: Scope, span: Span) -> tuple[list[DayOffers], list[RouteOffers]]:
    """Return what each direction between two venues offered, day by day, and each route, of many those that
    offered most.
    """
    days: dict[tuple[date, Way], dict[int, int]] = {}
    routes: dict[str, dict[int, int]] = {}
    for day, first, second, tenth, count, _ in rows_of(_OFFERS, [*_where(scope, span), MOST_ROUTES]):
        if day is None:
            routes.setdefault(first, {})[tenth] = count
        else:
            days.setdefault((day, Way(first, second)), {})[tenth] = count
    return (
        [DayOffers(day, way, offered) for (day, way), offered in days.items()],
        [RouteOffers(route_key, offered) for route_key, offered in routes.items()],
    )


def hours_by_day(scope: Scope, span: Span) -> dict[date, int]:
    """Return in how many hours of each day two fresh books could be compared."""
    return dict(rows_of(_HOURS, [span.first, span.last, *scope.columns.values()]))


def trades_by_day(scope: Scope, span: Span) -> list[DayTrades]:
    """Return the episodes that cleared the fees, by day and route: of very many the newest."""
    return [DayTrades(*row) for row in rows_of(_TRADES, [*_where(scope, span), MOST_EPISODES])]


def episodes_of(scope: Scope, span: Span) -> list[Episode]:
    """Return the episodes that cleared the fees, oldest first: of many the newest."""
    return [Episode(*row) for row in rows_of(_EPISODES, [*_where(scope, span), MOST_MEASURED])]


def left_by_day(scope: Scope, span: Span) -> list[DayLeft]:
    """Return what was left of the edges later on, by day and direction: of many the newest."""
    asked = [*_where(scope, span), MOST_MEASURED, *scope.columns.values(), MOST_LOOKS]
    return [DayLeft(day, Way(buy, sell), *rest) for day, buy, sell, *rest in rows_of(_LEFT, asked)]


def looks_in(scope: Scope, span: Span) -> list[tuple[str, str, int]]:
    """Return stage, reason and number of looks, the commonest first."""
    return looks_by_reason(EvaluationCount.objects.in_scope(scope).filter(hour__gte=span.first, hour__lt=span.last))


def stuck_in(scope: Scope, span: Span) -> int:
    """Return how many executions wait for a person: they have no result."""
    begun = Execution.objects.in_scope(scope).filter(decided_at__gte=span.first, decided_at__lt=span.last)
    counted = begun.order_by().filter(state=ExecutionState.NEEDS_PERSON).aggregate(total=Count("id"))
    return int(counted["total"])


def gas_in(scope: Scope, span: Span) -> Gas:
    """Return what swaps that ended paid for gas."""
    ended = ExecutionLog.objects.in_scope(scope).filter(timestamp__gte=span.first, timestamp__lt=span.last)
    paid = ended.order_by().filter(gas_cost_usd__gt=0).aggregate(swaps=Count("id"), usd=Sum("gas_cost_usd"))
    return Gas(int(paid["swaps"]), paid["usd"] or ZERO)


def covered(scope: Scope) -> tuple[datetime, datetime] | None:
    """Return the first and the last hour in which a scope was looked at; None where it never was."""
    hours = EvaluationCount.objects.in_scope(scope).order_by("hour").values_list("hour", flat=True)
    first = hours.first()
    return None if first is None else (first, hours.reverse()[0])


def settled_of(trades: Sequence[DayTrades]) -> Decimal | None:
    """Return what the executed ones earned; None where none was executed."""
    return sum((one.settled_usd for one in trades), ZERO) if any(one.executed for one in trades) else None


def _where(scope: Scope, span: Span) -> list[Any]:
    return [*scope.columns.values(), span.first, span.last]
