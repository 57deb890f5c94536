"""Attempts at training by the schedule."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mlops", "0002_models_in_versions"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrainingAttempt",
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
                ("attempted_at", models.DateTimeField()),
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
                ("n_samples", models.PositiveIntegerField(help_text="Labelled samples that there were.")),
                ("tag", models.CharField(blank=True, help_text="Of the version that was trained.", max_length=15)),
                ("why", models.CharField(blank=True, help_text="Why none was trained.", max_length=200)),
            ],
            options={
                "verbose_name": "training attempt",
                "ordering": ["-attempted_at", "model_name"],
                "abstract": False,
                "indexes": [models.Index(fields=["mode", "run_id", "-attempted_at"], name="idx_attempt_scope_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="mlops_trainingattempt_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("tag", ""), models.Q(("why", ""), _negated=True)),
                            models.Q(models.Q(("tag", ""), _negated=True), ("why", "")),
                            _connector="OR",
                        ),
                        name="attempt_trained_or_says_why",
                    ),
                ],
            },
        ),
    ]
