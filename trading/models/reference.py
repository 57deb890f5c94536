"""Reference data: what venues and chains state of their markets, fees and tokens, version by version."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from ops.columns import choices_of
from ops.scoped import ScopedModel


class FactKind(StrEnum):
    """What a statement is about."""

    MARKET = "market"  # steps and minima of a pair
    FEES = "fees"  # what an account pays
    CONTRACT = "contract"  # decimals and code of a token, tokens of a pool


class ReferenceFact(ScopedModel):
    """What one source stated of one subject from an instant on; a change is a new version, only ever appended."""

    KINDS = FactKind

    kind = models.CharField(max_length=12, choices=choices_of(FactKind))
    subject = models.CharField(max_length=120, help_text="kraken:BTC/USD, kraken, or ethereum:0x…")
    version = models.PositiveIntegerField(default=1)
    stated = models.JSONField(help_text="the values, numbers as texts")
    source = models.CharField(max_length=200)
    valid_from = models.DateTimeField()
    confirmed_at = models.DateTimeField(help_text="when it was last read to be the same")
    valid_until = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        db_table = "reference_facts"
        ordering = ["-valid_from", "-id"]
        indexes = [models.Index(fields=["mode", "run_id", "-valid_from"], name="idx_reference_scope_time")]
        constraints = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["mode", "run_id", "kind", "subject", "version"], name="reference_version_is_stated_once"
            ),
            models.UniqueConstraint(
                fields=["mode", "run_id", "kind", "subject"],
                condition=Q(valid_until__isnull=True),
                name="reference_one_version_is_in_force",
            ),
            models.CheckConstraint(condition=Q(kind__in=list(FactKind)), name="reference_kind_is_known"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="reference_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} version {self.version}"
