"""Limits: how much one scope may risk."""

from django.db import models
from django.db.models import Q

from domain.money import plain
from ops.columns import MoneyField, is_positive
from ops.scoped import ScopedModel


class LimitKind(models.TextChoices):
    """What is limited; the unit is the last word."""

    MAX_TRADE_USD = "max_trade_usd"
    MAX_OPEN_EXECUTIONS = "max_open_executions"
    MAX_EXPOSURE_USD = "max_exposure_usd"
    DAILY_LOSS_USD = "daily_loss_usd"


class Limit(ScopedModel):
    """One limit of one scope; it may tighten what the environment allows, never widen it."""

    kind = models.CharField(max_length=32, choices=LimitKind.choices)
    value = MoneyField()
    changed_at = models.DateTimeField()
    actor = models.CharField(max_length=150)

    class Meta(ScopedModel.Meta):
        verbose_name = "limit"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "kind"], name="scope_has_one_limit_of_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=LimitKind.values), name="limit_kind_is_known"),
            models.CheckConstraint(condition=is_positive("value"), name="limit_is_a_positive_number"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.scope}: {plain(self.value)}"
