"""Readings of the system's own parts, a series."""

from django.db import migrations, models

from ops.series import Series


class Migration(migrations.Migration):
    dependencies = [
        ("ops", "0003_replays_can_be_deleted"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reading",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("queue_depth_messages", "queue depth messages"),
                            ("queue_delay_ms", "queue delay ms"),
                            ("canary_age_s", "canary age s"),
                            ("outbox_age_s", "outbox age s"),
                            ("data_age_ms", "data age ms"),
                            ("venue_health_share", "venue health share"),
                            ("clock_skew_ms", "clock skew ms"),
                            ("database_size_bytes", "database size bytes"),
                            ("database_sessions", "database sessions"),
                            ("disk_free_bytes", "disk free bytes"),
                            ("memory_bytes", "memory bytes"),
                            ("backup_age_s", "backup age s"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "subject",
                    models.CharField(blank=True, default="", help_text="which queue, venue or folder", max_length=64),
                ),
                ("value", models.FloatField()),
            ],
            options={
                "db_table": "readings",
                "ordering": ["-timestamp"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["mode", "run_id", "kind", "-timestamp"], name="idx_reading_kind_time")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="ops_reading_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "queue_depth_messages",
                                    "queue_delay_ms",
                                    "canary_age_s",
                                    "outbox_age_s",
                                    "data_age_ms",
                                    "venue_health_share",
                                    "clock_skew_ms",
                                    "database_size_bytes",
                                    "database_sessions",
                                    "disk_free_bytes",
                                    "memory_bytes",
                                    "backup_age_s",
                                ],
                            )
                        ),
                        name="reading_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("value__gte", -1e300), ("value__lte", 1e300)),
                        name="reading_value_is_a_number",
                    ),
                ],
            },
        ),
        Series("Reading"),
    ]
