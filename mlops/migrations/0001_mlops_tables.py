"""The tables of the models app; model performance is a series."""

from django.db import migrations, models

from ops.append_only import AppendOnly
from ops.series import Series


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ModelPerformance",
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
                ("timestamp", models.DateTimeField()),
                ("model_name", models.CharField(max_length=64)),
                ("model_version", models.CharField(max_length=64)),
                ("accuracy", models.FloatField(blank=True, null=True)),
                ("precision", models.FloatField(blank=True, null=True)),
                ("recall", models.FloatField(blank=True, null=True)),
                ("f1", models.FloatField(blank=True, null=True)),
                ("mae", models.FloatField(blank=True, null=True)),
                ("correlation", models.FloatField(blank=True, null=True)),
                ("avg_actual_profit", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ("avg_predicted_profit", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ("n", models.PositiveIntegerField(help_text="Samples it was measured on.")),
            ],
            options={
                "verbose_name": "model performance",
                "verbose_name_plural": "model performance",
                "db_table": "model_performance",
                "abstract": False,
                "indexes": [models.Index(fields=["model_name", "-timestamp"], name="idx_model_perf_name_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="mlops_modelperformance_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accuracy__isnull", True),
                            models.Q(("accuracy__gte", 0), ("accuracy__lte", 1)),
                            _connector="OR",
                        ),
                        name="model_performance_accuracy_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("precision__isnull", True),
                            models.Q(("precision__gte", 0), ("precision__lte", 1)),
                            _connector="OR",
                        ),
                        name="model_performance_precision_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("recall__isnull", True), models.Q(("recall__gte", 0), ("recall__lte", 1)), _connector="OR"
                        ),
                        name="model_performance_recall_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("f1__isnull", True), models.Q(("f1__gte", 0), ("f1__lte", 1)), _connector="OR"
                        ),
                        name="model_performance_f1_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mae__isnull", True), models.Q(("mae__gte", 0), ("mae__lt", 1e18)), _connector="OR"
                        ),
                        name="model_performance_mae_is_from_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("correlation__isnull", True),
                            models.Q(("correlation__gte", -1), ("correlation__lte", 1)),
                            _connector="OR",
                        ),
                        name="model_performance_correlation_is_from_minus_one_to_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("avg_actual_profit__lt", 100000000000000000000),
                            ("avg_predicted_profit__lt", 100000000000000000000),
                        ),
                        name="model_performance_profits_are_numbers",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("n__gt", 0)), name="model_performance_was_measured_on_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("model_name", ""), _negated=True), models.Q(("model_version", ""), _negated=True)
                        ),
                        name="model_performance_names_its_model",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sample",
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
                ("opportunity_id", models.BigIntegerField()),
                ("timestamp", models.DateTimeField()),
                ("feature_set", models.CharField(max_length=64)),
                ("feature_hash", models.CharField(max_length=64)),
                ("features", models.JSONField(help_text="Values by name; null where unknown.")),
                (
                    "resolution_s",
                    models.FloatField(default=0, help_text="Seconds between observations; 0 for live books."),
                ),
                ("executed", models.BooleanField(default=False)),
                ("shadow", models.BooleanField(default=False, help_text="Scored by a challenger, never acted upon.")),
                ("edge_at_latency_bps", models.FloatField(blank=True, null=True)),
                ("fillable_at_latency", models.BooleanField(blank=True, null=True)),
                ("settled_net_usd", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
            ],
            options={
                "verbose_name": "sample",
                "abstract": False,
                "indexes": [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_sample_scope_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="mlops_sample_mode_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("mode", "run_id", "opportunity_id"), name="opportunity_is_sampled_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("resolution_s__gte", 0), ("resolution_s__lt", 1000000000.0)),
                        name="sample_resolution_is_a_number_from_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("edge_at_latency_bps__isnull", True),
                            models.Q(
                                ("edge_at_latency_bps__gt", -1000000000.0), ("edge_at_latency_bps__lt", 1000000000.0)
                            ),
                            _connector="OR",
                        ),
                        name="sample_edge_is_a_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("settled_net_usd__lt", 100000000000000000000)),
                        name="sample_net_is_a_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("executed", True), ("settled_net_usd__isnull", True), _connector="OR"),
                        name="only_an_executed_sample_has_a_net",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("feature_set", ""), _negated=True), models.Q(("feature_hash", ""), _negated=True)
                        ),
                        name="sample_names_its_feature_set",
                    ),
                ],
            },
        ),
        Series("ModelPerformance"),
        AppendOnly("ModelPerformance"),
    ]
