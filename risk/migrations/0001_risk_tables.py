"""The tables of risk; breaker events, outcomes and equity marks are history."""

import django.contrib.postgres.fields
from django.db import migrations, models

from ops.append_only import AppendOnly


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Breaker",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("win_rate", "win rate"),
                            ("drawdown", "drawdown"),
                            ("gas_cost", "gas cost"),
                            ("consecutive_failures", "consecutive failures"),
                            ("volatility", "volatility"),
                            ("execution_failures", "execution failures"),
                            ("slippage", "slippage"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("closed", "closed"), ("open", "open"), ("half_open", "half open")],
                        default="closed",
                        max_length=16,
                    ),
                ),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                ("cool_until", models.DateTimeField(blank=True, null=True)),
                ("probes_left", models.PositiveSmallIntegerField(default=0)),
                ("probes_won", models.PositiveSmallIntegerField(default=0)),
                (
                    "counts_from",
                    models.DateTimeField(blank=True, help_text="Outcomes before it are not counted again.", null=True),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("value", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ("threshold", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
            ],
            options={
                "verbose_name": "breaker",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_breaker_mode_is_known",
                    ),
                    models.UniqueConstraint(fields=("mode", "run_id", "kind"), name="scope_has_one_breaker_of_a_kind"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "win_rate",
                                    "drawdown",
                                    "gas_cost",
                                    "consecutive_failures",
                                    "volatility",
                                    "execution_failures",
                                    "slippage",
                                ],
                            )
                        ),
                        name="breaker_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["closed", "open", "half_open"])),
                        name="breaker_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "closed"),
                            models.Q(("opened_at__isnull", False), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="tripped_breaker_states_when_and_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "open"), _negated=True), ("cool_until__isnull", False), _connector="OR"
                        ),
                        name="open_breaker_states_when_it_cools",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("probes_left", 0), ("probes_won", 0)), ("state", "half_open"), _connector="OR"
                        ),
                        name="only_a_half_open_breaker_has_probes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("value__lt", 100000000000000000000),
                            ("threshold__lt", 100000000000000000000),
                        ),
                        name="breaker_value_and_threshold_are_numbers",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BreakerEvent",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("win_rate", "win rate"),
                            ("drawdown", "drawdown"),
                            ("gas_cost", "gas cost"),
                            ("consecutive_failures", "consecutive failures"),
                            ("volatility", "volatility"),
                            ("execution_failures", "execution failures"),
                            ("slippage", "slippage"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        choices=[("closed", "closed"), ("open", "open"), ("half_open", "half open")], max_length=16
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[("closed", "closed"), ("open", "open"), ("half_open", "half open")], max_length=16
                    ),
                ),
                ("happened_at", models.DateTimeField(db_index=True)),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField()),
                ("value", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ("threshold", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
            ],
            options={
                "verbose_name": "breaker event",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_breakerevent_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "win_rate",
                                    "drawdown",
                                    "gas_cost",
                                    "consecutive_failures",
                                    "volatility",
                                    "execution_failures",
                                    "slippage",
                                ],
                            )
                        ),
                        name="breaker_event_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="breaker_event_states_its_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("value__lt", 100000000000000000000),
                            ("threshold__lt", 100000000000000000000),
                        ),
                        name="breaker_event_holds_numbers",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EquityMark",
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
                ("equity_usd", models.DecimalField(decimal_places=18, max_digits=38)),
            ],
            options={
                "verbose_name": "equity mark",
                "abstract": False,
                "indexes": [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_equity_scope_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_equitymark_mode_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("equity_usd__lt", 100000000000000000000)),
                        name="equity_is_a_number",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Gate",
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
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("reducing", "Reducing"), ("halted", "Halted")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("changed_at", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
            ],
            options={
                "verbose_name": "gate",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_gate_mode_is_known",
                    ),
                    models.UniqueConstraint(fields=("mode", "run_id"), name="scope_has_one_gate"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "reducing", "halted"])), name="gate_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "active"), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="closed_gate_states_its_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Limit",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("max_trade_usd", "Max Trade Usd"),
                            ("max_open_executions", "Max Open Executions"),
                            ("max_exposure_usd", "Max Exposure Usd"),
                            ("daily_loss_usd", "Daily Loss Usd"),
                        ],
                        max_length=32,
                    ),
                ),
                ("value", models.DecimalField(decimal_places=18, max_digits=38)),
                ("changed_at", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
            ],
            options={
                "verbose_name": "limit",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_limit_mode_is_known",
                    ),
                    models.UniqueConstraint(fields=("mode", "run_id", "kind"), name="scope_has_one_limit_of_a_kind"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["max_trade_usd", "max_open_executions", "max_exposure_usd", "daily_loss_usd"])
                        ),
                        name="limit_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("value__gt", 0),
                            ("value__lt", 100000000000000000000),
                        ),
                        name="limit_is_a_positive_number",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Outcome",
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
                ("execution_id", models.BigIntegerField()),
                ("settled_at", models.DateTimeField()),
                ("net_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("gross_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("fees_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("gas_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("notional_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("executed", models.BooleanField(help_text="Something was filled.")),
                ("both_legs_as_planned", models.BooleanField()),
                ("unwound", models.BooleanField()),
                (
                    "predicted_slippage_bps",
                    models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True),
                ),
                ("realised_slippage_bps", models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ("probe", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "outcome",
                "abstract": False,
                "indexes": [models.Index(fields=["mode", "run_id", "-settled_at"], name="idx_outcome_scope_settled")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_outcome_mode_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("mode", "run_id", "execution_id"), name="execution_has_one_outcome_per_scope"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("net_usd__lt", 100000000000000000000),
                            ("gross_usd__lt", 100000000000000000000),
                            ("fees_usd__lt", 100000000000000000000),
                            ("gas_usd__lt", 100000000000000000000),
                            ("notional_usd__lt", 100000000000000000000),
                            ("predicted_slippage_bps__lt", 100000000000000000000),
                            ("realised_slippage_bps__lt", 100000000000000000000),
                        ),
                        name="outcome_holds_numbers",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gas_usd__gte", 0), ("notional_usd__gte", 0)),
                        name="outcome_gas_and_notional_are_from_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("executed", True),
                            models.Q(("both_legs_as_planned", False), ("net_usd__lte", 0), ("unwound", False)),
                            _connector="OR",
                        ),
                        name="unexecuted_outcome_earned_nothing",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reservation",
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
                ("route_key", models.CharField(max_length=200)),
                ("symbol", models.CharField(max_length=64)),
                ("size", models.DecimalField(decimal_places=18, max_digits=38)),
                ("notional_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                ("worst_loss_usd", models.DecimalField(decimal_places=18, max_digits=38)),
                (
                    "probe_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, size=None
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "reservation",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=["mode", "run_id"],
                        name="idx_reservation_unreleased",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["sim", "dry_run", "live", "replay"])),
                        name="risk_reservation_mode_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("mode", "run_id", "opportunity_id"), name="opportunity_is_admitted_once_per_scope"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("notional_usd__gt", 0),
                            ("size__gt", 0),
                            ("size__lt", 100000000000000000000),
                            ("notional_usd__lt", 100000000000000000000),
                        ),
                        name="reservation_is_of_a_positive_size",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("worst_loss_usd__gte", 0),
                            ("worst_loss_usd__lt", 100000000000000000000),
                        ),
                        name="reservation_worst_loss_is_a_number_from_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("released_at__isnull", True), ("released_at__gte", models.F("created_at")), _connector="OR"
                        ),
                        name="reservation_is_released_after_it_was_made",
                    ),
                ],
            },
        ),
        AppendOnly("BreakerEvent"),
        AppendOnly("Outcome"),
        AppendOnly("EquityMark"),
    ]
