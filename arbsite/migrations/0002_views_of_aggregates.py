"""The aggregates among the views that dashboards read, and what models train on, without the features themselves."""

from django.db import migrations

VIEWS = {
    "hourly_performance": """
        SELECT id, hour, mode, run_id, symbol, opportunities, executed, profitable, win_rate, edge_bps_sum,
            gross_edge_bps_sum, avg_edge_bps, avg_gross_edge_bps, notional_usd, profit_quote, profit_usd
        FROM hourly_performance
    """,
    "daily_profitability": """
        SELECT id, day, mode, run_id, opportunities, executed, profitable, win_rate, avg_edge_bps, profit_usd
        FROM daily_profitability
    """,
    "ml_training_data": """
        SELECT id, timestamp, mode, run_id, kind, symbol, route_key, opportunity_id, feature_set, resolution_s, net_bps,
            notional_usd, explored, executed, edge_at_latency_bps, fillable_share_at_latency, settled_net_usd,
            slippage_bps, known_at
        FROM ml_training_data
    """,
}


class Migration(migrations.Migration):
    dependencies = [
        ("arbsite", "0001_dashboard_views"),
        ("mlops", "0004_training_data"),
        ("trading", "0009_aggregates"),
    ]

    operations = [
        migrations.RunSQL(f"CREATE VIEW dashboards.{name} AS {select}", f"DROP VIEW dashboards.{name}")
        for name, select in VIEWS.items()
    ]
