"""Reconciliations: what differed when our rows were compared."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0007_correlated_ledger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reconciliation",
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
                ("differences", models.PositiveIntegerField(help_text="0 where everything agrees")),
                ("detail", models.JSONField(default=list, help_text="each difference in words and numbers")),
                ("correlation_id", models.CharField(blank=True, max_length=36)),
            ],
            options={
                "db_table": "reconciliations",
                "ordering": ["-id"],
                "abstract": False,
                "indexes": [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_reconciliation_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="trading_reconciliation_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("differences", 0), models.Q(("detail", []), _negated=True), _connector="OR"
                        ),
                        name="reconciliation_difference_is_explained",
                    ),
                ],
            },
        ),
    ]
