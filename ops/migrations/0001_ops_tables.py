"""The tables of ops; what operators did is history."""

import django.db.models.functions.datetime
from django.db import migrations, models

from ops.append_only import AppendOnly


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Alert",
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
                ("key", models.CharField(max_length=150)),
                (
                    "level",
                    models.CharField(
                        choices=[("info", "Info"), ("warning", "Warning"), ("error", "Error")], max_length=8
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("repeats", models.PositiveIntegerField(default=0)),
                ("repeated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "delivery",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("no_channel", "No Channel"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("failure", models.TextField(blank=True, default="")),
                ("correlation_id", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "indexes": [models.Index(fields=["key", "-created_at"], name="alert_latest_by_key")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="ops_alert_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["info", "warning", "error"])), name="alert_level_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("delivery__in", ["pending", "sent", "failed", "no_channel"])),
                        name="alert_delivery_is_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("key", ""), _negated=True), name="alert_has_a_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("delivery", "failed"), _negated=True),
                            models.Q(("failure", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="alert_failure_is_explained",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Canary",
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
                ("queue", models.CharField(max_length=50)),
                ("sent_at", models.DateTimeField()),
                ("consumed_at", models.DateTimeField()),
                ("consumed", models.PositiveBigIntegerField(default=1, help_text="How many have come through.")),
            ],
            options={
                "verbose_name_plural": "canaries",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="ops_canary_mode_is_known",
                    ),
                    models.UniqueConstraint(fields=("mode", "run_id", "queue"), name="canary_is_one_per_queue"),
                    models.CheckConstraint(
                        condition=models.Q(("queue", ""), _negated=True), name="canary_queue_is_named"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("consumed_at__gte", models.F("sent_at"))),
                        name="canary_is_not_consumed_before_it_is_sent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OperatorAction",
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
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.CharField(max_length=150)),
                ("action", models.CharField(max_length=100)),
                ("subject", models.CharField(blank=True, default="", help_text="What it was done to.", max_length=200)),
                ("reason", models.TextField()),
                ("detail", models.JSONField(blank=True, default=dict)),
                ("correlation_id", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="ops_operatoraction_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("actor__regex", "\\S")), name="operator_action_has_an_actor"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("action__regex", "\\S")), name="operator_action_is_named"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__regex", "\\S")), name="operator_action_has_a_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Outbox",
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
                ("kind", models.CharField(help_text="Name of the Celery task.", max_length=100)),
                ("row_id", models.BigIntegerField(help_text="The task's only argument.")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="Not sent before this instant."
                    ),
                ),
                (
                    "dispatched_at",
                    models.DateTimeField(blank=True, help_text="When the broker had accepted it.", null=True),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("correlation_id", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "verbose_name_plural": "outbox",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("dispatched_at__isnull", True)),
                        fields=["mode", "due_at"],
                        name="outbox_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="ops_outbox_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind", ""), _negated=True), name="outbox_kind_is_named"
                    ),
                    models.CheckConstraint(condition=models.Q(("row_id__gt", 0)), name="outbox_row_id_is_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("dispatched_at__isnull", True), ("attempts__gte", 1), _connector="OR"),
                        name="outbox_dispatch_was_attempted",
                    ),
                ],
            },
        ),
        AppendOnly("OperatorAction"),
    ]
