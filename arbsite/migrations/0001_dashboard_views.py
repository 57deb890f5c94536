"""The schema ``dashboards``: views named after what they show, without books, features, payloads or errors' free text.

A view pins the columns it shows: a later migration that changes the type of one drops the view first and makes it anew.
"""

from django.db import migrations

# An execution's reason passes where it is a code word of ours: a venue's own words may hold anything.
VIEWS = {
    "arbitrage_opportunities": """
        SELECT id, timestamp, closed_at, mode, run_id, correlation_id, route_key, symbol, buy_venue, sell_venue, size,
            notional_usd, edge_bps, gross_edge_bps, peak_edge_bps, reason, executed, profitable, profit_quote,
            profit_usd, resolution_s
        FROM arbitrage_opportunities
    """,
    "open_episodes": """
        SELECT mode, run_id, route_key, opportunity_id, opportunity_at, last_seen_at FROM trading_openepisode
    """,
    "edge_observations": """
        SELECT timestamp, mode, run_id, opportunity_id, offset_ms, net_bps, size FROM edge_observations
    """,
    "evaluation_counts": """
        SELECT hour, mode, run_id, route_key, stage, reason, count FROM trading_evaluationcount
    """,
    "offered_edges": "SELECT hour, mode, run_id, route_key, tenth_bps, count FROM offered_edges",
    "market_snapshots": """
        SELECT timestamp, mode, run_id, venue, symbol, bid, ask, bid_depth_usd, ask_depth_usd FROM market_snapshots
    """,
    "market_volatility": """
        SELECT timestamp, mode, run_id, venue, symbol, volatility_1h, volatility_24h, volatility_7d, returns_1h,
            returns_24h, returns_7d, known_1h, known_24h, known_7d, volume_24h, liquidity_usd
        FROM market_volatility
    """,
    "price_bars": """
        SELECT timestamp, mode, run_id, venue, symbol, open, high, low, close, volume, source FROM price_bars
    """,
    "executions": """
        SELECT id, mode, run_id, opportunity_id, opportunity_at, correlation_id, route_key, symbol, quote_asset, state,
            CASE WHEN reason ~ '^[a-z0-9_]*(: [a-z0-9_]+)?$' THEN reason ELSE 'see the admin' END AS reason,
            decided_at, due_at, steps, notional_usd, planned_gross_quote, planned_net_quote, settled_at, gross_quote,
            fees_quote, gas_quote, slippage_quote, unwind_quote, net_quote, net_usd
        FROM trading_execution
    """,
    "orders": """
        SELECT id, mode, run_id, execution_id, leg, attempt, role, venue, symbol, side, quantity, limit_price, state,
            filled_quantity, sending_at, closed_at
        FROM trading_order
    """,
    "execution_logs": """
        SELECT timestamp, mode, run_id, execution_id, symbol, route_key, state, success, profit_usd, fees_usd,
            gas_cost_usd, slippage_bps, tx_hash
        FROM execution_logs
    """,
    "balances": "SELECT mode, run_id, venue, asset, amount FROM trading_balance",
    "reconciliations": "SELECT timestamp, mode, run_id, differences FROM reconciliations",
    "outcomes": """
        SELECT id, mode, run_id, execution_id, settled_at, net_usd, gross_usd, fees_usd, gas_usd, notional_usd,
            executed, both_legs_as_planned, unwound, predicted_slippage_bps, realised_slippage_bps, probe
        FROM risk_outcome
    """,
    "equity_marks": "SELECT id, timestamp, mode, run_id, equity_usd FROM risk_equitymark",
    "reservations": """
        SELECT mode, run_id, opportunity_id, route_key, symbol, notional_usd, worst_loss_usd, created_at, released_at
        FROM risk_reservation
    """,
    "breakers": """
        SELECT mode, run_id, kind, state, opened_at, cool_until, probes_left, probes_won, counts_from, value, threshold,
            left(reason, 200) AS reason
        FROM risk_breaker
    """,
    "breaker_events": """
        SELECT happened_at, mode, run_id, kind, before, after, actor, value, threshold, left(reason, 200) AS reason
        FROM risk_breakerevent
    """,
    "gates": "SELECT mode, run_id, state, left(reason, 200) AS reason, changed_at, actor FROM risk_gate",
    "limits": "SELECT mode, run_id, kind, value, changed_at, actor FROM risk_limit",
    "model_performance": """
        SELECT timestamp, mode, run_id, window_from, window_to, alias, model_name, model_version, accuracy, precision,
            recall, f1, brier, mae, correlation, mean_percent_error, avg_actual_profit, avg_predicted_profit, n,
            n_executed, detail
        FROM model_performance
    """,
    "model_versions": """
        SELECT id, mode, run_id, model_name, tag, created_at, expires_at, feature_set, git_commit, is_synthetic,
            data_from, data_to, n_samples, n_executed, metrics, has_skill, mirror_error = '' AS is_mirrored
        FROM mlops_modelversion
    """,
    "model_aliases": """
        SELECT alias.mode, alias.run_id, alias.model_name, alias.alias, version.tag, alias.is_synthetic, alias.moved_at,
            alias.suspended_at
        FROM mlops_modelalias AS alias JOIN mlops_modelversion AS version ON version.id = alias.version_id
    """,
    "served_models": """
        SELECT mode, run_id, process, model_name, alias, tag, split_part(abstains, ':', 1) AS abstains, since, seen_at
        FROM mlops_servedmodel
    """,
    "samples": """
        SELECT id, timestamp, mode, run_id, kind, route_key, symbol, opportunity_id, feature_set, resolution_s, net_bps,
            notional_usd, (scores ->> 'success_probability')::double precision AS success_probability,
            (scores ->> 'breakeven_probability')::double precision AS breakeven_probability,
            (scores ->> 'expected_net_usd')::double precision AS expected_net_usd,
            (scores ->> 'slippage_bps')::double precision AS predicted_slippage_bps,
            scores ? 'abstained' AS abstained, explored, executed, edge_at_latency_bps, fillable_share_at_latency,
            settled_net_usd, slippage_bps, known_at
        FROM mlops_sample
    """,
    "canaries": "SELECT mode, run_id, queue, sent_at, consumed_at, consumed FROM ops_canary",
    "alerts": """
        SELECT id, created_at, mode, run_id, level, title, repeats, repeated_at, delivery, delivered_at FROM ops_alert
    """,
    "outbox": """
        SELECT id, mode, run_id, kind, created_at, due_at, dispatched_at, attempts FROM ops_outbox
    """,
    "readings": "SELECT timestamp, mode, run_id, kind, subject, value FROM readings",
}


class Migration(migrations.Migration):
    dependencies = [
        ("mlops", "0003_training_attempts"),
        ("ops", "0004_readings"),
        ("risk", "0001_risk_tables"),
        ("trading", "0008_reconciliations"),
    ]

    operations = [
        migrations.RunSQL("CREATE SCHEMA dashboards", "DROP SCHEMA dashboards"),
        *(
            migrations.RunSQL(f"CREATE VIEW dashboards.{name} AS {select}", f"DROP VIEW dashboards.{name}")
            for name, select in VIEWS.items()
        ),
    ]
