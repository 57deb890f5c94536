"""The base of every row that belongs to a mode and a run."""

from typing import Any, ClassVar, Self

from django.db import models

from domain.scope import Mode, Scope

MODES = [mode.value for mode in Mode]


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows that know their scope."""

    def in_scope(self, scope: Scope) -> Self:
        """Return the rows of ``scope`` alone: statistics never mix two scopes."""
        return self.filter(**scope.columns)

    def in_mode(self, mode: Mode) -> Self:
        """Return the rows of every run of ``mode``."""
        return self.filter(mode=mode.value)


ScopedManager = models.Manager.from_queryset(ScopedQuerySet)


class ScopedModel(models.Model):
    """A row with its mode and run.

    A subclass writes ``class Meta(ScopedModel.Meta)`` and starts its own constraints with
    ``*ScopedModel.Meta.constraints``; the check ops.E001 fails where that was forgotten.
    """

    mode = models.CharField(max_length=8, choices=[(mode, mode) for mode in MODES])
    run_id = models.CharField(max_length=64, blank=True, default="")

    objects = ScopedManager()

    class Meta:
        abstract = True
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=models.Q(mode__in=MODES), name="%(app_label)s_%(class)s_mode_is_known")
        ]

    @property
    def scope(self) -> Scope:
        """Return the scope this row belongs to."""
        return Scope(Mode(self.mode), self.run_id or None)
