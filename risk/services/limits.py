"""Limits: their values, what they answer, and how a person tightens them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from domain.errors import BadInput, Refused
from domain.money import plain
from domain.scope import Scope
from ops.services import operators
from risk.models import Limit, LimitKind
from risk.selectors import Use, use_of
from risk.services.answers import GateAnswer, Headroom
from risk.services.defaults import ENVIRONMENT, environment_limits
from risk.services.gate import lock_gate

Limits = Mapping[LimitKind, Decimal]


def limits_of(scope: Scope) -> Limits:
    """Return the limits in force: the lower of the scope's row and the environment, whichever is missing."""
    limits = environment_limits()
    for kind, value in Limit.objects.in_scope(scope).values_list("kind", "value"):
        limits[LimitKind(kind)] = min(value, limits[LimitKind(kind)])
    return limits


def limit_answers(limits: Limits, use: Use) -> list[GateAnswer]:
    """Return what each limit but the size of one trade answers to ``use``, the asker's own share included."""
    return [
        _answer(LimitKind.MAX_OPEN_EXECUTIONS, limits, Decimal(use.open_executions)),
        _answer(LimitKind.MAX_EXPOSURE_USD, limits, use.exposure_usd),
        _answer(LimitKind.DAILY_LOSS_USD, limits, use.daily_loss_usd),
    ]


def headroom(scope: Scope, *, now: datetime) -> tuple[Headroom, ...]:
    """Return how much of each limit ``scope`` uses now."""
    limits, use = limits_of(scope), use_of(scope, now=now)
    used = {
        LimitKind.MAX_TRADE_USD: Decimal(0),
        LimitKind.MAX_OPEN_EXECUTIONS: Decimal(use.open_executions),
        LimitKind.MAX_EXPOSURE_USD: use.exposure_usd,
        LimitKind.DAILY_LOSS_USD: use.daily_loss_usd,
    }
    return tuple(Headroom(kind.value, limits[kind], used[kind]) for kind in LimitKind)


def set_limit(scope: Scope, kind: LimitKind, value: Decimal, *, actor: str, reason: str, now: datetime) -> None:
    """Set one limit of ``scope``.

    Raises: BadInput if it is not a positive number; Refused above what the environment allows.
    """
    if not value.is_finite() or value <= 0:
        raise BadInput(f"{kind.value} is {value}; it must be a number above 0")
    ceiling = environment_limits()[kind]
    if value > ceiling:
        raise Refused(f"{kind.value} of {value} is above the {ceiling} that the environment allows")
    with transaction.atomic():
        lock_gate(scope, now=now)
        _store(scope, kind, value, actor=actor, now=now)
        operators.record(actor, "set_limit", reason, scope=scope, subject=kind.value, detail={"value": str(value)})


def starting_equity() -> Decimal:
    """Return what a scope's equity starts from where nobody states its balances: the capital in the settings."""
    return settings.ARB.trading.capital_usd


def follow_environment(scope: Scope, *, now: datetime) -> None:
    """Bring the limits that nobody has set by hand to what the environment states now; the caller holds the gate."""
    stored = dict(Limit.objects.in_scope(scope).filter(actor=ENVIRONMENT).values_list("kind", "value"))
    for kind, value in environment_limits().items():
        if kind in stored and stored[kind] != value:
            _store(scope, kind, value, actor=ENVIRONMENT, now=now)


def _store(scope: Scope, kind: LimitKind, value: Decimal, *, actor: str, now: datetime) -> None:
    Limit.objects.in_scope(scope).filter(kind=kind).update(value=value, actor=actor, changed_at=now)


def _answer(kind: LimitKind, limits: Limits, used: Decimal) -> GateAnswer:
    limit = limits[kind]
    return GateAnswer(kind.value, used <= limit, f"{plain(used)} of {plain(limit)}")
