"""Breakers: what stops trading by itself, and the history of every change."""

from django.db import models
from django.db.models import Q

from domain.breakers import BreakerKind, BreakerState
from ops.columns import MoneyField, choices_of, is_number
from ops.scoped import ScopedModel

KINDS = choices_of(BreakerKind)
STATES = choices_of(BreakerState)


class Breaker(ScopedModel):
    """One breaker of one scope: closed lets trades pass, open stops them, half open lets a few probes through."""

    kind = models.CharField(max_length=32, choices=KINDS)
    state = models.CharField(max_length=16, choices=STATES, default=BreakerState.CLOSED.value)
    opened_at = models.DateTimeField(null=True, blank=True)
    cool_until = models.DateTimeField(null=True, blank=True)
    probes_left = models.PositiveSmallIntegerField(default=0)
    probes_won = models.PositiveSmallIntegerField(default=0)
    counts_from = models.DateTimeField(null=True, blank=True, help_text="Outcomes before it are not counted again.")
    reason = models.TextField(blank=True, default="")
    value = MoneyField(null=True, blank=True)
    threshold = MoneyField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = "breaker"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id", "kind"], name="scope_has_one_breaker_of_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=list(BreakerKind)), name="breaker_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=list(BreakerState)), name="breaker_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=BreakerState.CLOSED.value) | (Q(opened_at__isnull=False) & ~Q(reason="")),
                name="tripped_breaker_states_when_and_why",
            ),
            models.CheckConstraint(
                condition=~Q(state=BreakerState.OPEN.value) | Q(cool_until__isnull=False),
                name="open_breaker_states_when_it_cools",
            ),
            models.CheckConstraint(
                condition=Q(probes_left=0, probes_won=0) | Q(state=BreakerState.HALF_OPEN.value),
                name="only_a_half_open_breaker_has_probes",
            ),
            models.CheckConstraint(
                condition=is_number("value", "threshold"), name="breaker_value_and_threshold_are_numbers"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.scope} is {self.state}"


class BreakerEvent(ScopedModel):
    """One change of one breaker; never altered."""

    kind = models.CharField(max_length=32, choices=KINDS)
    before = models.CharField(max_length=16, choices=STATES)
    after = models.CharField(max_length=16, choices=STATES)
    happened_at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    value = MoneyField(null=True, blank=True)
    threshold = MoneyField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = "breaker event"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(kind__in=list(BreakerKind)), name="breaker_event_kind_is_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="breaker_event_states_its_reason"),
            models.CheckConstraint(condition=is_number("value", "threshold"), name="breaker_event_holds_numbers"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.before} to {self.after}"
