"""The audit trail: what a person did, and why."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ops.scoped import ScopedModel


class OperatorAction(ScopedModel):
    """One deed of a person or of a command run by one; only ever added."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=200, blank=True, default="", help_text="What it was done to.")
    reason = models.TextField()
    detail: Any = models.JSONField(default=dict, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True, default="")

    class Meta(ScopedModel.Meta):
        ordering = ["-id"]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(actor__regex=r"\S"), name="operator_action_has_an_actor"),
            models.CheckConstraint(condition=Q(action__regex=r"\S"), name="operator_action_is_named"),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="operator_action_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.subject}".rstrip()
