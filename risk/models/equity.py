"""Equity marks: what the scope was worth after each settlement."""

from django.db import models

from domain.money import plain
from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel


class EquityMark(ScopedModel):
    """What one scope's capital was worth at one moment; never altered."""

    timestamp = models.DateTimeField()
    equity_usd = MoneyField()

    class Meta(ScopedModel.Meta):
        verbose_name = "equity mark"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=is_number("equity_usd"), name="equity_is_a_number"),
        ]
        indexes = [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_equity_scope_time")]

    def __str__(self) -> str:
        return f"{self.scope}: {plain(self.equity_usd)} USD"
