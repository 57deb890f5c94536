"""Probes: the few small trades that a half-open breaker lets through, and how many are left."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Least

from domain.breakers import BreakerState
from domain.scope import Scope
from risk.models import Breaker


def take(breakers: Iterable[Breaker]) -> None:
    """Use up one probe of each half-open breaker; the caller holds the gate's lock."""
    ids = [breaker.pk for breaker in breakers]
    if ids:
        Breaker.objects.filter(pk__in=ids).update(probes_left=F("probes_left") - 1)


def give_back(kinds: Iterable[str], *, scope: Scope) -> None:
    """Give back one probe of each kind, which proved nothing; the caller holds the gate's lock."""
    returned = list(kinds)
    if returned:
        Breaker.objects.in_scope(scope).filter(kind__in=returned, state=BreakerState.HALF_OPEN.value).update(
            probes_left=Least(F("probes_left") + 1, settings.ARB.breakers.probes)
        )
