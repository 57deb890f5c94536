"""Reconciliations: what our rows say against what the venues, or the ledger itself, say."""

from django.db import models
from django.db.models import Q

from ops.scoped import ScopedModel


class Reconciliation(ScopedModel):
    """One comparison of a scope's orders, fills and balances, and what differed."""

    timestamp = models.DateTimeField()
    differences = models.PositiveIntegerField(help_text="0 where everything agrees")
    detail = models.JSONField(default=list, help_text="each difference in words and numbers")
    correlation_id = models.CharField(max_length=36, blank=True)

    class Meta(ScopedModel.Meta):
        db_table = "reconciliations"
        ordering = ["-id"]
        indexes = [models.Index(fields=["mode", "run_id", "-timestamp"], name="idx_reconciliation_time")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(differences=0) | ~Q(detail=[]), name="reconciliation_difference_is_explained"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.differences} differences"
