"""The gate: one row per scope, the lock that everything which opens or stops trading takes first."""

from django.db import models
from django.db.models import Q

from ops.scoped import ScopedModel


class GateState(models.TextChoices):
    """Whether a scope may trade."""

    ACTIVE = "active"  # opening and closing orders
    REDUCING = "reducing"  # closing orders alone, until the system is clean again
    HALTED = "halted"  # closing orders alone, until a person resumes
    UNRECONCILED = "unreconciled"  # no order at all, until what was restored has been compared


class Gate(ScopedModel):
    """Whether one scope may trade, and who said so."""

    state = models.CharField(max_length=16, choices=GateState.choices, default=GateState.ACTIVE)
    reason = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField()
    actor = models.CharField(max_length=150)

    class Meta(ScopedModel.Meta):
        verbose_name = "gate"
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(fields=["mode", "run_id"], name="scope_has_one_gate"),
            models.CheckConstraint(condition=Q(state__in=GateState.values), name="gate_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=GateState.ACTIVE) | ~Q(reason=""), name="closed_gate_states_its_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} is {self.state}"
