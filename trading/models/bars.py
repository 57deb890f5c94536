"""Minute bars: the first, highest, lowest and last price of a market's minute, and what was traded in it."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from ops.columns import MoneyField, choices_of, is_number, is_positive
from ops.scoped import ScopedModel


class PriceSource(StrEnum):
    """Where a minute's prices come from."""

    BOOKS = "books"
    VENUE = "venue"


class PriceBar(ScopedModel):
    """One minute of one market; prices are the middle of its books where we watched, else the venue's own trades."""

    SOURCES = PriceSource

    timestamp = models.DateTimeField(help_text="the minute's start")
    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    open = MoneyField()
    high = MoneyField()
    low = MoneyField()
    close = MoneyField()
    volume = MoneyField(null=True, help_text="base units traded; none where the venue does not tell")
    source = models.CharField(max_length=8, choices=choices_of(PriceSource))
    written_at = models.DateTimeField(help_text="when it was last found to be different")

    class Meta(ScopedModel.Meta):
        db_table = "price_bars"
        ordering = ["-timestamp"]
        indexes = [models.Index(fields=["mode", "run_id", "written_at"], name="idx_price_bar_written")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "venue", "symbol", "timestamp"], name="price_bar_is_one_row_per_minute"
            ),
            models.CheckConstraint(
                condition=is_positive("open") & is_positive("high") & is_positive("low") & is_positive("close"),
                name="price_bar_prices_positive",
            ),
            models.CheckConstraint(
                condition=Q(low__lte=F("open"), high__gte=F("open")) & Q(low__lte=F("close"), high__gte=F("close")),
                name="price_bar_extremes_enclose",
            ),
            models.CheckConstraint(
                condition=Q(volume__isnull=True) | (Q(volume__gte=0) & is_number("volume")),
                name="price_bar_volume_is_a_number",
            ),
            models.CheckConstraint(condition=Q(source__in=list(PriceSource)), name="price_bar_source_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol}"
