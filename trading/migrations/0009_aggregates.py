"""Aggregates by hour and by day, continuous on TimescaleDB, and what stands in for its functions elsewhere."""

from django.db import migrations, models

from ops.aggregates import Aggregate
from ops.time_bucket import StandIn

HOURLY = """
SELECT
    min(id) AS id,
    {time_bucket}('1 hour', "timestamp") AS hour,
    mode,
    run_id,
    symbol,
    count(*) AS opportunities,
    count(*) FILTER (WHERE executed) AS executed,
    count(*) FILTER (WHERE executed AND profitable) AS profitable,
    (count(*) FILTER (WHERE executed AND profitable))::double precision
        / nullif(count(*) FILTER (WHERE executed), 0) AS win_rate,
    sum(edge_bps) AS edge_bps_sum,
    sum(gross_edge_bps) AS gross_edge_bps_sum,
    avg(edge_bps) AS avg_edge_bps,
    avg(gross_edge_bps) AS avg_gross_edge_bps,
    coalesce(sum(notional_usd) FILTER (WHERE executed), 0) AS notional_usd,
    coalesce(sum(profit_quote) FILTER (WHERE executed), 0) AS profit_quote,
    coalesce(sum(profit_usd) FILTER (WHERE executed), 0) AS profit_usd
FROM arbitrage_opportunities
{still}
GROUP BY {time_bucket}('1 hour', "timestamp"), mode, run_id, symbol
"""
# An hour is read from its rows until it is put aside, and from then on from what was put aside.
STILL = """
WHERE "timestamp" >= (SELECT coalesce(max(hour) + interval '1 hour', '-infinity') FROM hourly_performance_kept)
"""
KEPT = """
SELECT
    first_id,
    hour,
    mode,
    run_id,
    symbol,
    opportunities,
    executed,
    profitable,
    profitable::double precision / nullif(executed, 0),
    edge_bps_sum,
    gross_edge_bps_sum,
    edge_bps_sum / opportunities,
    gross_edge_bps_sum / opportunities,
    notional_usd,
    profit_quote,
    profit_usd
FROM hourly_performance_kept
"""
DAILY = """
SELECT
    min(id) AS id,
    {time_bucket}('1 day', hour) AS day,
    mode,
    run_id,
    sum(opportunities)::bigint AS opportunities,
    sum(executed)::bigint AS executed,
    sum(profitable)::bigint AS profitable,
    sum(profitable)::double precision / nullif(sum(executed), 0)::double precision AS win_rate,
    sum(edge_bps_sum) / sum(opportunities) AS avg_edge_bps,
    sum(profit_usd) AS profit_usd
FROM hourly_performance
GROUP BY {time_bucket}('1 day', hour), mode, run_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0008_reconciliations"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyProfitability",
            fields=[
                (
                    "mode",
                    models.CharField(
                        choices=[("sim", "sim"), ("dry_run", "dry_run"), ("live", "live"), ("replay", "replay")],
                        max_length=8,
                    ),
                ),
                ("run_id", models.CharField(blank=True, default="", max_length=64)),
                (
                    "id",
                    models.BigIntegerField(
                        help_text="of the day's first opportunity", primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateTimeField()),
                ("opportunities", models.BigIntegerField()),
                ("executed", models.BigIntegerField()),
                ("profitable", models.BigIntegerField(help_text="executed at a profit")),
                ("win_rate", models.FloatField(help_text="share of the executed; none where nothing was", null=True)),
                ("avg_edge_bps", models.DecimalField(decimal_places=18, help_text="net of every cost", max_digits=38)),
                ("profit_usd", models.DecimalField(decimal_places=18, max_digits=38)),
            ],
            options={
                "verbose_name_plural": "daily profitability",
                "db_table": "daily_profitability",
                "ordering": ["-day"],
                "abstract": False,
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="HourlyPerformance",
            fields=[
                (
                    "mode",
                    models.CharField(
                        choices=[("sim", "sim"), ("dry_run", "dry_run"), ("live", "live"), ("replay", "replay")],
                        max_length=8,
                    ),
                ),
                ("run_id", models.CharField(blank=True, default="", max_length=64)),
                (
                    "id",
                    models.BigIntegerField(
                        help_text="of the hour's first opportunity", primary_key=True, serialize=False
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("symbol", models.CharField(max_length=32)),
                ("opportunities", models.BigIntegerField()),
                ("executed", models.BigIntegerField()),
                ("profitable", models.BigIntegerField(help_text="executed at a profit")),
                ("win_rate", models.FloatField(help_text="share of the executed; none where nothing was", null=True)),
                ("edge_bps_sum", models.DecimalField(decimal_places=18, max_digits=38)),
                ("gross_edge_bps_sum", models.DecimalField(decimal_places=18, max_digits=38)),
                ("avg_edge_bps", models.DecimalField(decimal_places=18, help_text="net of every cost", max_digits=38)),
                ("avg_gross_edge_bps", models.DecimalField(decimal_places=18, max_digits=38)),
                (
                    "notional_usd",
                    models.DecimalField(decimal_places=18, help_text="planned by what was executed", max_digits=38),
                ),
                ("profit_quote", models.DecimalField(decimal_places=18, max_digits=38)),
                ("profit_usd", models.DecimalField(decimal_places=18, max_digits=38)),
            ],
            options={
                "verbose_name_plural": "hourly performance",
                "db_table": "hourly_performance",
                "ordering": ["-hour", "symbol"],
                "abstract": False,
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="KeptHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "mode",
                    models.CharField(
                        choices=[("sim", "sim"), ("dry_run", "dry_run"), ("live", "live"), ("replay", "replay")],
                        max_length=8,
                    ),
                ),
                ("run_id", models.CharField(blank=True, default="", max_length=64)),
                ("first_id", models.BigIntegerField()),
                ("hour", models.DateTimeField()),
                ("symbol", models.CharField(max_length=32)),
                ("opportunities", models.BigIntegerField()),
                ("executed", models.BigIntegerField()),
                ("profitable", models.BigIntegerField()),
                ("edge_bps_sum", models.DecimalField(decimal_places=18, max_digits=38)),
                ("gross_edge_bps_sum", models.DecimalField(decimal_places=18, max_digits=38)),
                ("notional_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("profit_quote", models.DecimalField(decimal_places=18, max_digits=38)),
                ("profit_usd", models.DecimalField(decimal_places=18, max_digits=38)),
            ],
            options={
                "db_table": "hourly_performance_kept",
                "abstract": False,
                "indexes": [models.Index(fields=["hour"], name="idx_kept_hour")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="trading_kepthour_mode_is_known",
                    ),
                    models.UniqueConstraint(fields=("mode", "run_id", "symbol", "hour"), name="hour_is_kept_once"),
                    models.CheckConstraint(
                        condition=models.Q(("opportunities__gt", 0), ("executed__gte", 0), ("profitable__gte", 0)),
                        name="kept_hour_counts_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("executed__lte", models.F("opportunities")), ("profitable__lte", models.F("executed"))
                        ),
                        name="kept_hour_counts_parts_of_parts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("edge_bps_sum__lt", 100000000000000000000),
                            ("gross_edge_bps_sum__lt", 100000000000000000000),
                            ("notional_usd__lt", 100000000000000000000),
                            ("profit_quote__lt", 100000000000000000000),
                            ("profit_usd__lt", 100000000000000000000),
                        ),
                        name="kept_hour_sums_are_numbers",
                    ),
                ],
            },
        ),
        StandIn(),
        Aggregate("hourly_performance", source="arbitrage_opportunities", select=HOURLY, still=STILL, kept=KEPT),
        Aggregate("daily_profitability", source="hourly_performance", select=DAILY),
    ]
