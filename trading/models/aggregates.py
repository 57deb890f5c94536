"""Aggregates of opportunities by hour and by day, and the hours that outlive their rows."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from timescale.db.models.querysets import TimescaleQuerySet

from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel, ScopedQuerySet
from trading.models.opportunity import Opportunity


class AggregateQuerySet(TimescaleQuerySet, ScopedQuerySet):
    """Rows that know their scope and answer with ``time_bucket`` and ``histogram``."""


AggregateManager: Any = models.Manager.from_queryset(AggregateQuerySet)


class HourlyPerformance(ScopedModel):
    """What one hour brought of one symbol; kept up to date by the database, never written here."""

    id = models.BigIntegerField(primary_key=True, help_text="of the hour's first opportunity")
    hour = models.DateTimeField()
    symbol = models.CharField(max_length=32)
    opportunities = models.BigIntegerField()
    executed = models.BigIntegerField()
    profitable = models.BigIntegerField(help_text="executed at a profit")
    win_rate = models.FloatField(null=True, help_text="share of the executed; none where nothing was")
    edge_bps_sum = MoneyField()
    gross_edge_bps_sum = MoneyField()
    avg_edge_bps = MoneyField(help_text="net of every cost")
    avg_gross_edge_bps = MoneyField()
    notional_usd = MoneyField(help_text="planned by what was executed")
    profit_quote = MoneyField()
    profit_usd = MoneyField()

    objects: ClassVar[Any] = AggregateManager()
    counted_from = Opportunity

    class Meta(ScopedModel.Meta):
        managed = False
        db_table = "hourly_performance"
        ordering = ["-hour", "symbol"]
        verbose_name_plural = "hourly performance"

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.symbol}"


class DailyProfitability(ScopedModel):
    """What one day brought; kept up to date by the database, never written here."""

    id = models.BigIntegerField(primary_key=True, help_text="of the day's first opportunity")
    day = models.DateTimeField()
    opportunities = models.BigIntegerField()
    executed = models.BigIntegerField()
    profitable = models.BigIntegerField(help_text="executed at a profit")
    win_rate = models.FloatField(null=True, help_text="share of the executed; none where nothing was")
    avg_edge_bps = MoneyField(help_text="net of every cost")
    profit_usd = MoneyField()

    objects: ClassVar[Any] = AggregateManager()
    counted_from = Opportunity

    class Meta(ScopedModel.Meta):
        managed = False
        db_table = "daily_profitability"
        ordering = ["-day"]
        verbose_name_plural = "daily profitability"

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class KeptHour(ScopedModel):
    """An hour of ``hourly_performance`` whose opportunities retention has deleted; empty where it is continuous."""

    first_id = models.BigIntegerField()
    hour = models.DateTimeField()
    symbol = models.CharField(max_length=32)
    opportunities = models.BigIntegerField()
    executed = models.BigIntegerField()
    profitable = models.BigIntegerField()
    edge_bps_sum = MoneyField()
    gross_edge_bps_sum = MoneyField()
    notional_usd = MoneyField()
    profit_quote = MoneyField()
    profit_usd = MoneyField()

    class Meta(ScopedModel.Meta):
        db_table = "hourly_performance_kept"
        indexes = [models.Index(fields=["hour"], name="idx_kept_hour")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "symbol", "hour"], name="hour_is_kept_once"),
            models.CheckConstraint(
                condition=Q(opportunities__gt=0) & Q(executed__gte=0) & Q(profitable__gte=0),
                name="kept_hour_counts_something",
            ),
            models.CheckConstraint(
                condition=Q(executed__lte=F("opportunities"), profitable__lte=F("executed")),
                name="kept_hour_counts_parts_of_parts",
            ),
            models.CheckConstraint(
                condition=is_number("edge_bps_sum", "gross_edge_bps_sum", "notional_usd", "profit_quote", "profit_usd"),
                name="kept_hour_sums_are_numbers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.symbol}"
