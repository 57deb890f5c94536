"""Reservations: the room under the limits that one admitted opportunity takes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from domain.money import plain
from ops.columns import MoneyField, is_number
from ops.scoped import ScopedModel


class Reservation(ScopedModel):
    """What one admitted opportunity may cost until it is settled or given up."""

    opportunity_id = models.BigIntegerField()
    route_key = models.CharField(max_length=200)
    symbol = models.CharField(max_length=64)
    size = MoneyField()
    notional_usd = MoneyField()
    worst_loss_usd = MoneyField()
    probe_kinds = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = "reservation"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "opportunity_id"], name="opportunity_is_admitted_once_per_scope"
            ),
            models.CheckConstraint(
                condition=Q(size__gt=0, notional_usd__gt=0) & is_number("size", "notional_usd"),
                name="reservation_is_of_a_positive_size",
            ),
            models.CheckConstraint(
                condition=Q(worst_loss_usd__gte=0) & is_number("worst_loss_usd"),
                name="reservation_worst_loss_is_a_number_from_zero",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(released_at__gte=F("created_at")),
                name="reservation_is_released_after_it_was_made",
            ),
        ]
        indexes = [
            models.Index(
                fields=["mode", "run_id"], condition=Q(released_at__isnull=True), name="idx_reservation_unreleased"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {plain(self.notional_usd)} USD for opportunity {self.opportunity_id}"
