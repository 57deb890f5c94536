"""Balances: what each account holds, moved only together with the ledger."""

from django.db import models

from domain.money import plain
from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel


class Balance(ScopedModel):
    """The sum of one asset's ledger lines at one venue; on paper it starts at zero and may go below."""

    venue = models.CharField(max_length=32)
    asset = models.CharField(max_length=16)
    amount = MoneyField(default=0)

    class Meta(ScopedModel.Meta):
        ordering = ["venue", "asset"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "venue", "asset"], name="balance_is_one_row_per_asset"),
            models.CheckConstraint(condition=is_number("amount"), name="balance_is_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {plain(self.amount)} {self.asset}"
