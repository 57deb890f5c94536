"""The admin's first page: the mode, the lights, and whether anything is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from domain.breakers import BreakerState
from domain.execution import EXECUTION_TERMINAL
from ops.models import Alert
from ops.services import canaries, outbox
from risk.selectors import breakers_of
from trading.models import Execution, Opportunity

_LIGHTS = {BreakerState.CLOSED: "success", BreakerState.HALF_OPEN: "warning", BreakerState.OPEN: "danger"}
_RECENT_ALERTS = 5


@dataclass(frozen=True, slots=True)
class Light:
    """A name, what to say of it, and its colour."""

    name: str
    text: str
    colour: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return ``context`` with what the first page shows."""
    scope = settings.ARB.scope
    return context | {
        "scope": scope,
        "counts": _counts(),
        "breakers": list(_breaker_lights()),
        "canaries": list(_canary_lights()),
        "alerts": list(Alert.objects.in_mode(scope.mode)[:_RECENT_ALERTS]),
        "stop_file": settings.ARB.stop_file if settings.ARB.stop_file.exists() else None,
    }


def _counts() -> dict[str, int]:
    scope, day_ago = settings.ARB.scope, datetime.now(UTC) - timedelta(days=1)
    executions = Execution.objects.in_mode(scope.mode)
    return {
        "opportunities in 24 h": Opportunity.objects.in_mode(scope.mode).filter(timestamp__gt=day_ago).count(),
        "executions in 24 h": executions.filter(decided_at__gt=day_ago).count(),
        "executions under way": executions.exclude(state__in=EXECUTION_TERMINAL).count(),
        "outbox rows waiting": outbox.waiting(scope=scope),
    }


def _breaker_lights() -> Iterator[Light]:
    for breaker in breakers_of(settings.ARB.scope):
        yield Light(breaker.kind, breaker.state, _LIGHTS[BreakerState(breaker.state)])


def _canary_lights() -> Iterator[Light]:
    for sign in canaries.signs(scope=settings.ARB.scope, now=datetime.now(UTC)):
        text = "never seen" if sign.age_s is None else f"{sign.age_s:.0f} s ago"
        yield Light(sign.queue, text, "success" if sign.is_fresh else "danger")
