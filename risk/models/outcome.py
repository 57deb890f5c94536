"""Outcomes: what each execution ended with, as trading told it."""

from django.db import models
from django.db.models import Q

from domain.money import plain
from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel


class Outcome(ScopedModel):
    """The settled result of one execution; never altered."""

    execution_id = models.BigIntegerField()
    settled_at = models.DateTimeField()
    net_usd = MoneyField()
    gross_usd = MoneyField()
    fees_usd = MoneyField()
    gas_usd = MoneyField()
    notional_usd = MoneyField()
    executed = models.BooleanField(help_text="Something was filled.")
    both_legs_as_planned = models.BooleanField()
    unwound = models.BooleanField()
    predicted_slippage_bps = MoneyField(null=True, blank=True)
    realised_slippage_bps = MoneyField(null=True, blank=True)
    probe = models.BooleanField(default=False)

    class Meta(ScopedModel.Meta):
        verbose_name = "outcome"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "execution_id"], name="execution_has_one_outcome_per_scope"
            ),
            models.CheckConstraint(
                condition=is_number(
                    "net_usd",
                    "gross_usd",
                    "fees_usd",
                    "gas_usd",
                    "notional_usd",
                    "predicted_slippage_bps",
                    "realised_slippage_bps",
                ),
                name="outcome_holds_numbers",
            ),
            models.CheckConstraint(
                condition=Q(gas_usd__gte=0, notional_usd__gte=0), name="outcome_gas_and_notional_are_from_zero"
            ),
            models.CheckConstraint(
                condition=Q(executed=True) | Q(net_usd__lte=0, both_legs_as_planned=False, unwound=False),
                name="unexecuted_outcome_earned_nothing",
            ),
        ]
        indexes = [models.Index(fields=["mode", "run_id", "-settled_at"], name="idx_outcome_scope_settled")]

    def __str__(self) -> str:
        return f"execution {self.execution_id}: {plain(self.net_usd)} USD"
