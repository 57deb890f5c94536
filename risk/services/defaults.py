"""The rows every scope starts with: its limits, as the environment states them, and its breakers, all closed."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings

from domain.breakers import BreakerKind
from domain.scope import Scope
from risk.models import Breaker, Limit, LimitKind

ENVIRONMENT = "environment"  # the actor of a limit that nobody has set by hand


def seed_rows(scope: Scope, *, now: datetime) -> None:
    """Add the limits and breakers that ``scope`` still lacks; the caller holds the gate's lock."""
    Limit.objects.bulk_create(
        [
            Limit(**scope.columns, kind=kind, value=value, changed_at=now, actor=ENVIRONMENT)
            for kind, value in environment_limits().items()
        ],
        ignore_conflicts=True,
    )
    Breaker.objects.bulk_create(
        [Breaker(**scope.columns, kind=kind.value) for kind in BreakerKind], ignore_conflicts=True
    )


def environment_limits() -> dict[LimitKind, Decimal]:
    """Return the limits that the environment states: rows may tighten them, never widen them."""
    return {kind: Decimal(getattr(settings.ARB.limits, kind.value)) for kind in LimitKind}
