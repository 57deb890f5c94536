"""Models in versions: what serves, what each process serves, and samples of near misses."""

import django.db.models.deletion
from django.db import migrations, models

# A sample knew its opportunity alone: that names its route now, and its features give its figures.
FILL_OLD_SAMPLES = """
UPDATE mlops_sample SET
    route_key = 'opportunity ' || opportunity_id,
    net_bps = coalesce((features ->> 'net_bps')::float8, 0),
    notional_usd = coalesce(exp((features ->> 'log_notional_quote')::float8), 0),
    fillable_share_at_latency = CASE WHEN fillable_at_latency THEN 1 WHEN NOT fillable_at_latency THEN 0 END
WHERE route_key = ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mlops", "0001_mlops_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelAlias",
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
                (
                    "model_name",
                    models.CharField(
                        choices=[
                            ("route_success_predictor", "route success predictor"),
                            ("profit_maximizer", "profit maximizer"),
                            ("slippage_predictor", "slippage predictor"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "alias",
                    models.CharField(
                        choices=[("champion", "champion"), ("challenger", "challenger"), ("previous", "previous")],
                        max_length=16,
                    ),
                ),
                ("is_synthetic", models.BooleanField(default=False, help_text="As its version is.")),
                ("moved_at", models.DateTimeField()),
                ("suspended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "suspended_why",
                    models.CharField(blank=True, help_text="Why it abstains although it is champion.", max_length=200),
                ),
                ("is_mirrored", models.BooleanField(default=False, help_text="Whether MLflow says the same.")),
            ],
            options={
                "verbose_name": "model alias",
                "verbose_name_plural": "model aliases",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
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
                (
                    "model_name",
                    models.CharField(
                        choices=[
                            ("route_success_predictor", "route success predictor"),
                            ("profit_maximizer", "profit maximizer"),
                            ("slippage_predictor", "slippage predictor"),
                        ],
                        max_length=32,
                    ),
                ),
                ("tag", models.CharField(help_text="YYYYMMDD_HHMMSS, UTC", max_length=15)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="from when on it abstains")),
                ("feature_set", models.CharField(max_length=64)),
                ("feature_hash", models.CharField(max_length=64)),
                ("git_commit", models.CharField(blank=True, max_length=64)),
                ("seed", models.IntegerField()),
                (
                    "is_synthetic",
                    models.BooleanField(default=False, help_text="Trained on the simulator's market; never live."),
                ),
                ("data_from", models.DateTimeField()),
                ("data_to", models.DateTimeField()),
                ("n_samples", models.PositiveIntegerField()),
                ("n_executed", models.PositiveIntegerField()),
                (
                    "file_hash",
                    models.CharField(help_text="SHA-256 of its files, checked before each load", max_length=64),
                ),
                ("metrics", models.JSONField(default=dict, help_text="Measured on held-out data when it was trained.")),
                (
                    "has_skill",
                    models.BooleanField(help_text="Whether it beat the baseline on held-out data beyond doubt."),
                ),
                ("why", models.CharField(blank=True, help_text="Why it has skill or has none.", max_length=200)),
                ("mlflow_run_id", models.CharField(blank=True, max_length=64)),
                ("mlflow_version", models.CharField(blank=True, max_length=16)),
                (
                    "mirror_error",
                    models.CharField(blank=True, help_text="Why MLflow does not know it yet.", max_length=200),
                ),
            ],
            options={
                "verbose_name": "model version",
                "ordering": ["-tag", "model_name"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ServedModel",
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
                ("process", models.CharField(max_length=64)),
                (
                    "model_name",
                    models.CharField(
                        choices=[
                            ("route_success_predictor", "route success predictor"),
                            ("profit_maximizer", "profit maximizer"),
                            ("slippage_predictor", "slippage predictor"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "alias",
                    models.CharField(
                        choices=[("champion", "champion"), ("challenger", "challenger"), ("previous", "previous")],
                        max_length=16,
                    ),
                ),
                ("tag", models.CharField(blank=True, max_length=15)),
                (
                    "abstains",
                    models.CharField(
                        blank=True, help_text="Why it does not judge; empty where it does.", max_length=200
                    ),
                ),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="when the process last said so")),
            ],
            options={
                "verbose_name": "served model",
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="sample",
            name="sample_edge_is_a_number",
        ),
        migrations.RemoveConstraint(
            model_name="sample",
            name="sample_net_is_a_number",
        ),
        migrations.RemoveConstraint(
            model_name="sample",
            name="only_an_executed_sample_has_a_net",
        ),
        migrations.RemoveConstraint(
            model_name="sample",
            name="sample_names_its_feature_set",
        ),
        migrations.RemoveField(
            model_name="sample",
            name="shadow",
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="alias",
            field=models.CharField(blank=True, help_text="what it was then: champion or challenger", max_length=16),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="brier",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="detail",
            field=models.JSONField(
                default=dict, help_text="Calibration bins, intervals, baselines, drift of each feature."
            ),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="mean_percent_error",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="n_executed",
            field=models.PositiveIntegerField(blank=True, help_text="Of them those that were executed.", null=True),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="window_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="modelperformance",
            name="window_to",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="sample",
            name="explored",
            field=models.BooleanField(default=False, help_text="Traded by chance although the models refused."),
        ),
        migrations.AddField(
            model_name="sample",
            name="fillable_share_at_latency",
            field=models.FloatField(
                blank=True,
                help_text="The size that still pays after the delay, as a share of the planned one.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="sample",
            name="kind",
            field=models.CharField(
                choices=[("opportunity", "opportunity"), ("near_miss", "near miss")],
                default="opportunity",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="sample",
            name="known_at",
            field=models.DateTimeField(blank=True, help_text="the market's instant of its last label", null=True),
        ),
        migrations.AddField(
            model_name="sample",
            name="net_bps",
            field=models.FloatField(default=0, help_text="planned, after every cost"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="sample",
            name="notional_usd",
            field=models.DecimalField(decimal_places=18, default=0, max_digits=38),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="sample",
            name="route_key",
            field=models.CharField(default="", max_length=120),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="sample",
            name="scores",
            field=models.JSONField(
                default=dict, help_text="What the models said at the decision, challengers beside it."
            ),
        ),
        migrations.AddField(
            model_name="sample",
            name="slippage_bps",
            field=models.FloatField(blank=True, help_text="Realised by the execution.", null=True),
        ),
        migrations.AddField(
            model_name="sample",
            name="symbol",
            field=models.CharField(default="", max_length=32),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL_OLD_SAMPLES, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="sample",
            name="fillable_at_latency",
        ),
        migrations.AlterField(
            model_name="sample",
            name="edge_at_latency_bps",
            field=models.FloatField(
                blank=True,
                help_text="What the planned trade nets on the market after the delay; may be a loss.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="sample",
            name="opportunity_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="sample",
            name="timestamp",
            field=models.DateTimeField(help_text="when it was decided"),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(
                condition=models.Q(("settled_net_usd__isnull", False)),
                fields=["mode", "run_id", "-timestamp"],
                name="idx_sample_settled_time",
            ),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(fields=["mode", "run_id", "kind", "-timestamp"], name="idx_sample_kind_time"),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(fields=["mode", "run_id", "symbol", "-timestamp"], name="idx_sample_symbol_time"),
        ),
        migrations.AddConstraint(
            model_name="modelperformance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("brier__isnull", True), models.Q(("brier__gte", 0), ("brier__lte", 1)), _connector="OR"
                ),
                name="model_performance_brier_is_a_share",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelperformance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("mean_percent_error__isnull", True),
                    models.Q(("mean_percent_error__gte", 0), ("mean_percent_error__lt", 1e18)),
                    _connector="OR",
                ),
                name="model_performance_mean_percent_error_is_from_zero",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.UniqueConstraint(
                fields=("mode", "run_id", "route_key", "timestamp"), name="route_is_sampled_once_at_an_instant"
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "opportunity"), ("opportunity_id__isnull", False)),
                    models.Q(
                        ("executed", False),
                        ("explored", False),
                        ("kind", "near_miss"),
                        ("opportunity_id__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="near_miss_is_never_traded",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(("net_bps__gt", -10000000000.0), ("net_bps__lt", 10000000000.0)),
                name="sample_net_edge_is_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("edge_at_latency_bps__isnull", True),
                    models.Q(("edge_at_latency_bps__gt", -10000000000.0), ("edge_at_latency_bps__lt", 10000000000.0)),
                    _connector="OR",
                ),
                name="sample_edge_at_latency_is_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("slippage_bps__isnull", True),
                    models.Q(("slippage_bps__gt", -10000000000.0), ("slippage_bps__lt", 10000000000.0)),
                    _connector="OR",
                ),
                name="sample_slippage_is_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fillable_share_at_latency__isnull", True),
                    models.Q(("fillable_share_at_latency__gte", 0), ("fillable_share_at_latency__lt", 10000000000.0)),
                    _connector="OR",
                ),
                name="sample_fillable_share_is_from_zero",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("settled_net_usd__lt", 100000000000000000000), ("notional_usd__lt", 100000000000000000000)
                ),
                name="sample_money_is_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("executed", True),
                    models.Q(("settled_net_usd__isnull", True), ("slippage_bps__isnull", True)),
                    _connector="OR",
                ),
                name="only_an_executed_sample_has_a_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="sample",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("feature_set", ""), _negated=True),
                    models.Q(("feature_hash", ""), _negated=True),
                    models.Q(("route_key", ""), _negated=True),
                ),
                name="sample_names_its_route_and_feature_set",
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="the champion when it was trained",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="mlops.modelversion",
            ),
        ),
        migrations.AddField(
            model_name="modelalias",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="mlops.modelversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="servedmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                name="mlops_servedmodel_mode_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="servedmodel",
            constraint=models.UniqueConstraint(
                fields=("mode", "run_id", "process", "model_name", "alias"), name="process_serves_one_version_per_alias"
            ),
        ),
        migrations.AddConstraint(
            model_name="servedmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tag", ""), _negated=True), models.Q(("abstains", ""), _negated=True), _connector="OR"
                ),
                name="what_serves_nothing_says_why",
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                fields=["mode", "run_id", "model_name", "-created_at"], name="idx_version_scope_model_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                name="mlops_modelversion_mode_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(fields=("model_name", "tag"), name="version_tag_names_one_version"),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("tag__regex", "^[0-9]{8}_[0-9]{6}$")), name="version_tag_is_an_instant"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("file_hash__regex", "^[0-9a-f]{64}$")), name="version_file_hash_is_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("feature_hash", ""), _negated=True), name="version_names_its_features"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("n_samples__gt", 0)), name="version_was_trained_on_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("data_to__gte", models.F("data_from"))), name="version_data_ends_after_it_begins"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("mode", "live"), _negated=True), ("is_synthetic", False), _connector="OR"),
                name="synthetic_version_is_never_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelalias",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                name="mlops_modelalias_mode_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelalias",
            constraint=models.UniqueConstraint(
                fields=("mode", "run_id", "model_name", "alias"), name="alias_names_one_version_in_a_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelalias",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("mode", "live"), _negated=True), ("is_synthetic", False), _connector="OR"),
                name="synthetic_model_never_serves_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelalias",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("suspended_at__isnull", True), ("suspended_why", "")),
                    models.Q(("suspended_at__isnull", False), models.Q(("suspended_why", ""), _negated=True)),
                    _connector="OR",
                ),
                name="suspension_says_why",
            ),
        ),
    ]
