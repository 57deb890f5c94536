"""Thousands of rows of every big table, written by the database itself, so that its planner plans in earnest."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

MANY = 6_000
BIG = frozenset(
    {
        "arbitrage_opportunities",
        "edge_observations",
        "execution_logs",
        "market_snapshots",
        "market_volatility",
        "mlops_sample",
        "offered_edges",
        "ops_outbox",
        "price_bars",
        "risk_equitymark",
        "risk_outcome",
        "risk_reservation",
        "trading_evaluationcount",
        "trading_execution",
        "trading_fill",
        "trading_fillobservation",
        "trading_ledgerentry",
        "trading_order",
        "trading_stateevent",
    }
)

_SCOPE = "mode, run_id"
_EVERY = f"generate_series(1, {MANY}) AS g"
_AT = "now() - g * interval '10 minutes'"
_ROUTE = "CASE WHEN g % 50 = 0 THEN 'c:ETH/USD>d:ETH/USD' ELSE 'a:BTC/USD>b:BTC/USD' END"
_WIDTH = "repeat(md5(g::text), 20)"  # as wide as a row with its books is

_STATEMENTS = (
    f"""INSERT INTO arbitrage_opportunities ({_SCOPE}, timestamp, correlation_id, route_key, symbol, buy_venue,
        sell_venue, size, notional_usd, edge_bps, gross_edge_bps, peak_edge_bps, costs, books, features, feature_set,
        feature_hash, scores, gates, reason, executed, resolution_s)
        SELECT 'sim', '', {_AT}, md5(g::text), {_ROUTE}, CASE WHEN g % 50 = 0 THEN 'ETH/USD' ELSE 'BTC/USD' END,
        CASE WHEN g % 50 = 0 THEN 'c' ELSE 'a' END, CASE WHEN g % 50 = 0 THEN 'd' ELSE 'b' END, 1, 100, g % 90, 70, 90,
        '[]', '[]', jsonb_build_object('width', {_WIDTH}), '', '', '{{}}', '[]', CASE WHEN g % 1000 = 0 THEN 'halted' ELSE '' END,
        g % 4 > 0, 0 FROM {_EVERY}""",
    f"""INSERT INTO trading_execution ({_SCOPE}, opportunity_id, opportunity_at, correlation_id, reservation_id,
        route_key, symbol, quote_asset, state, reason, decided_at, steps, notional_usd, dust_quantity,
        planned_gross_quote, planned_net_quote, settled_at, gross_quote, fees_quote, gas_quote, slippage_quote,
        unwind_quote, net_quote, net_usd)
        SELECT {_SCOPE}, id, timestamp, correlation_id, id, route_key, symbol, 'USD',
        CASE WHEN id % 1000 = 0 THEN 'needs_person' ELSE 'settled' END, '', timestamp, 4, 100, 0, 1, 1, timestamp,
        1, 0, 0, 0, 0, 1, id / 100.0 FROM arbitrage_opportunities WHERE executed""",
    f"""INSERT INTO trading_order ({_SCOPE}, execution_id, leg, attempt, role, venue, symbol, side, quantity,
        limit_price, quantity_step, price_tick, state, client_id, venue_order_id, filled_quantity, sending_at, reason,
        gas_asset)
        SELECT {_SCOPE}, id, 0, 1, 'open', 'a', symbol, 'buy', 1, 100, 1, 1, 'filled', id::text, id::text, 1,
        decided_at, '', '' FROM trading_execution""",
    f"""INSERT INTO trading_fill ({_SCOPE}, order_id, venue, trade_id, price, quantity, fee_asset, fee, filled_at)
        SELECT {_SCOPE}, id, venue, id::text, 100, 1, 'USD', 0, sending_at FROM trading_order""",
    f"""INSERT INTO trading_ledgerentry ({_SCOPE}, execution_id, fill_id, account, asset, amount, recorded_at,
        correlation_id) SELECT f.mode, f.run_id, o.execution_id, f.id, 'venue:a', 'USD', 1, f.filled_at, ''
        FROM trading_fill f JOIN trading_order o ON o.id = f.order_id""",
    f"""INSERT INTO trading_stateevent ({_SCOPE}, execution_id, order_id, event, from_state, to_state, happened_at,
        detail) SELECT {_SCOPE}, execution_id, id, 'fill', 'open', 'filled', sending_at, '{{}}' FROM trading_order""",
    f"""INSERT INTO trading_fillobservation ({_SCOPE}, order_id, venue, symbol, due_at, observed_at)
        SELECT {_SCOPE}, id, venue, symbol, sending_at, sending_at FROM trading_order""",
    f"""INSERT INTO execution_logs ({_SCOPE}, timestamp, execution_id, symbol, route_key, state, success, profit_usd,
        fees_usd, gas_cost_usd, tx_hash)
        SELECT {_SCOPE}, settled_at, id, symbol, route_key, state, true, 1, 0, 0, '' FROM trading_execution""",
    f"""INSERT INTO edge_observations ({_SCOPE}, timestamp, opportunity_id, offset_ms, net_bps, size)
        SELECT {_SCOPE}, timestamp, id, 100, 1, 1 FROM arbitrage_opportunities""",
    f"""INSERT INTO market_snapshots ({_SCOPE}, timestamp, venue, symbol, bid, ask, bid_depth_usd, ask_depth_usd)
        SELECT 'sim', '', {_AT}, 'a', 'BTC/USD', 100, 101, 1, 1 FROM {_EVERY}""",
    f"""INSERT INTO market_volatility ({_SCOPE}, timestamp, venue, symbol)
        SELECT 'sim', '', {_AT}, 'a', 'BTC/USD' FROM {_EVERY}""",
    f"""INSERT INTO price_bars ({_SCOPE}, timestamp, venue, symbol, open, high, low, close, source, written_at)
        SELECT 'sim', '', {_AT}, 'a', 'BTC/USD', 100, 101, 99, 100, 'books', {_AT} FROM {_EVERY}""",
    f"""INSERT INTO trading_evaluationcount ({_SCOPE}, hour, route_key, stage, reason, count)
        SELECT 'sim', '', now() - (g / 10) * interval '1 hour', 'r' || g % 10, 'fresh', 'stale', 1 FROM {_EVERY}""",
    f"""INSERT INTO offered_edges ({_SCOPE}, hour, route_key, tenth_bps, count)
        SELECT 'sim', '', now() - (g / 10) * interval '1 hour', 'r' || g % 10, 1, 1 FROM {_EVERY}""",
    f"""INSERT INTO risk_outcome ({_SCOPE}, execution_id, settled_at, net_usd, gross_usd, fees_usd, gas_usd,
        notional_usd, executed, both_legs_as_planned, unwound, probe)
        SELECT 'sim', '', g, {_AT}, 1, 1, 0, 0, 100, true, true, false, false FROM {_EVERY}""",
    f"""INSERT INTO risk_reservation ({_SCOPE}, opportunity_id, route_key, symbol, size, notional_usd, worst_loss_usd,
        probe_kinds, created_at, released_at)
        SELECT 'sim', '', g, 'r', 'BTC/USD', 1, 100, 1, '{{}}', {_AT}, now() FROM {_EVERY}""",
    f"""INSERT INTO risk_equitymark ({_SCOPE}, timestamp, equity_usd)
        SELECT 'sim', '', {_AT}, 10000 FROM {_EVERY}""",
    f"""INSERT INTO mlops_sample ({_SCOPE}, kind, route_key, symbol, opportunity_id, timestamp, feature_set,
        feature_hash, features, resolution_s, net_bps, notional_usd, scores, explored, executed)
        SELECT 'sim', '', CASE WHEN g % 1000 = 0 THEN 'near_miss' ELSE 'opportunity' END, {_ROUTE},
        CASE WHEN g % 50 = 0 THEN 'ETH/USD' ELSE 'BTC/USD' END, CASE WHEN g % 1000 = 0 THEN NULL ELSE g END, {_AT},
        's', 'h', jsonb_build_object('width', {_WIDTH}), 0, 1, 100, '{{}}', false, false FROM {_EVERY}""",
    f"""INSERT INTO ops_outbox ({_SCOPE}, kind, row_id, created_at, due_at, dispatched_at, attempts, correlation_id)
        SELECT 'sim', '', 'k', g, {_AT}, {_AT}, now(), 1, '' FROM {_EVERY}""",
)


def fill_tables() -> None:
    """Write the rows and let the planner know of them."""
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement)
        cursor.execute(f"ANALYZE {', '.join(sorted(BIG))}")
        cursor.execute("SET LOCAL random_page_cost = 1.1")  # so few rows are scanned at once where a seek costs more


def scanned_whole(statement: str) -> set[str]:
    """Return the big tables that a statement reads row by row from end to end."""
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (told,) = cursor.fetchone()
    (plan,) = json.loads(told) if isinstance(told, str) else told
    scans = (node for node in _nodes(plan["Plan"]) if node["Node Type"].endswith("Seq Scan"))
    return {node["Relation Name"] for node in scans} & BIG


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)
