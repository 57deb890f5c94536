"""The figures of each route, reckoned by the database from a run's rows."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Count, Sum

from domain.money import EXACT, exact_sum, quantize_down
from domain.scope import Scope
from ops.sql import rows_of
from trading.models import EvaluationCount, Opportunity
from trading.services.backtest.figures import CostFigures, DecayFigures, EdgeFigures, FillFigures, RouteFigures

_EDGES = """
SELECT route_key, count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY gross_edge_bps), max(gross_edge_bps)::float,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY edge_bps), max(peak_edge_bps)::float,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - timestamp)::float)
FROM arbitrage_opportunities
WHERE mode = %(mode)s AND run_id = %(run_id)s
GROUP BY route_key ORDER BY count(*) DESC, route_key
"""
_DECAY = """
SELECT found.route_key, seen.offset_ms, count(*), count(*) FILTER (WHERE seen.net_bps IS NULL),
       count(*) FILTER (WHERE seen.net_bps IS NOT NULL AND seen.size = 0),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seen.net_bps)
FROM edge_observations seen
JOIN arbitrage_opportunities found ON found.id = seen.opportunity_id
WHERE seen.mode = %(mode)s AND seen.run_id = %(run_id)s AND found.mode = %(mode)s AND found.run_id = %(run_id)s
GROUP BY found.route_key, seen.offset_ms ORDER BY found.route_key, seen.offset_ms
"""
_FILLS = """
WITH legs AS (
    SELECT execution_id, bool_and(filled_quantity = quantity) AS whole, bool_or(filled_quantity > 0) AS traded
    FROM trading_order
    WHERE mode = %(mode)s AND run_id = %(run_id)s AND role = 'open'
    GROUP BY execution_id
)
SELECT done.route_key, count(*), count(*) FILTER (WHERE whole), count(*) FILTER (WHERE traded AND NOT whole),
       count(*) FILTER (WHERE NOT traded), count(*) FILTER (WHERE state = 'unwound'),
       count(*) FILTER (WHERE state = 'needs_person'), coalesce(sum(notional_usd) FILTER (WHERE traded), 0)
FROM trading_execution done JOIN legs ON legs.execution_id = done.id
WHERE done.mode = %(mode)s AND done.run_id = %(run_id)s
GROUP BY done.route_key
"""
_COSTS = """
SELECT route_key, quote_asset, sum(gross_quote), sum(fees_quote), sum(gas_quote), sum(slippage_quote),
       sum(unwind_quote), sum(net_usd)
FROM trading_execution
WHERE mode = %(mode)s AND run_id = %(run_id)s AND settled_at IS NOT NULL
GROUP BY route_key, quote_asset
"""


def route_figures(scope: Scope, quote_usd: Mapping[str, Decimal]) -> tuple[RouteFigures, ...]:
    """Return every route on which there was an opportunity, the most frequent first."""
    decay, fills = _decay(scope), {row[0]: FillFigures(*row[1:]) for row in rows_of(_FILLS, scope.columns)}
    costs, refused, short = _costs(scope, quote_usd), _refused(scope), _short_looks(scope)
    return tuple(
        RouteFigures(
            route=route,
            opportunities=count,
            edges=EdgeFigures(*edges),
            decay=tuple(decay.get(route, ())),
            refused=refused.get(route, {}),
            short_looks=short.get(route, 0),
            fills=fills.get(route, FillFigures()),
            costs=costs.get(route, CostFigures()),
        )
        for route, count, *edges in rows_of(_EDGES, scope.columns)
    )


def _decay(scope: Scope) -> Mapping[str, list[DecayFigures]]:
    found: dict[str, list[DecayFigures]] = defaultdict(list)
    for route, offset_ms, looks, unseen, gone, median_bps in rows_of(_DECAY, scope.columns):
        median = None if median_bps is None else float(median_bps)
        found[route].append(DecayFigures(offset_ms, looks, unseen, gone, median))
    return found


def _costs(scope: Scope, quote_usd: Mapping[str, Decimal]) -> dict[str, CostFigures]:
    """Sum the waterfalls by route: net as it was settled, each other line rounded down."""
    found: dict[str, list[tuple[Decimal, ...]]] = defaultdict(list)
    for route, quote, *lines in rows_of(_COSTS, scope.columns):
        *costs, net_usd = lines
        in_usd = (quantize_down(EXACT.multiply(line, quote_usd[quote])) for line in costs)
        found[route].append((*in_usd, net_usd))
    return {route: CostFigures(*map(exact_sum, zip(*lines, strict=True))) for route, lines in found.items()}


def _refused(scope: Scope) -> Mapping[str, dict[str, int]]:
    rows = Opportunity.objects.in_scope(scope).exclude(reason="").order_by()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.values("route_key", "reason").annotate(total=Count("id")).order_by("-total", "reason"):
        found[row["route_key"]][row["reason"]] = row["total"]
    return found


def _short_looks(scope: Scope) -> dict[str, int]:
    rows = EvaluationCount.objects.in_scope(scope).filter(reason="no_inventory").order_by()
    return {row["route_key"]: row["total"] for row in rows.values("route_key").annotate(total=Sum("count"))}
