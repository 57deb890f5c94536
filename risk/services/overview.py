"""The state of risk in one scope, for people and for JSON."""

from dataclasses import dataclass
from datetime import datetime

from domain.breakers import BreakerKind, BreakerState
from domain.scope import Scope
from risk.models import Breaker, Gate, GateState
from risk.selectors import breakers_of
from risk.services.answers import Headroom
from risk.services.halting import stop_file_present
from risk.services.limits import headroom


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a scope may open trades, and everything that has a say in it."""

    scope: Scope
    gate: str
    reason: str
    stop_file: bool
    breakers: tuple[Breaker, ...]
    limits: tuple[Headroom, ...]

    @property
    def may_open(self) -> bool:
        """Return whether no switch and no breaker stops an opening order (limits are asked trade by trade)."""
        is_switched_on = self.gate == GateState.ACTIVE and not self.stop_file
        return is_switched_on and all(breaker.state != BreakerState.OPEN for breaker in self.breakers)


def status(scope: Scope, *, now: datetime) -> Status:
    """Return the state of risk in ``scope``; a scope that has not traded yet is active with nothing used."""
    gate = Gate.objects.in_scope(scope).first()
    return Status(
        scope=scope,
        gate=gate.state if gate else GateState.ACTIVE.value,
        reason=gate.reason if gate else "",
        stop_file=stop_file_present(),
        breakers=tuple(breakers_of(scope) if gate else _untouched(scope)),
        limits=headroom(scope, now=now),
    )


def _untouched(scope: Scope) -> list[Breaker]:
    return [Breaker(**scope.columns, kind=kind.value) for kind in sorted(BreakerKind)]
