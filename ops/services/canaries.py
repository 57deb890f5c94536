"""Canaries: a task through every queue, and a beat of beat's own, each leaving a sign of life."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.db.models.functions import Greatest, Now

from domain.scope import Scope
from ops.models import Canary
from ops.queues import BEAT, STALE_AFTER_S, Queue

NAMES = (*map(str, Queue), BEAT)


@dataclass(frozen=True, slots=True)
class Sign:
    """How a queue's last canary fared; no age where none has ever come through."""

    queue: str
    age_s: float | None
    delay_ms: float | None

    @property
    def is_fresh(self) -> bool:
        """Return whether the queue has been consumed lately."""
        return self.age_s is not None and self.age_s <= STALE_AFTER_S


def seen(queue: str, *, scope: Scope, sent_at: datetime | None = None) -> None:
    """Record that ``queue`` was consumed just now."""
    sent = Greatest(Now() - timedelta(days=1), _not_later_than_now(sent_at))
    values = {"sent_at": sent, "consumed_at": Now()}
    Canary.objects.update_or_create(
        **scope.columns,
        queue=queue,
        defaults=values | {"consumed": F("consumed") + 1},
        create_defaults=values | {"consumed": 1},
    )


def signs(*, scope: Scope, now: datetime) -> list[Sign]:
    """Return a sign for every queue and for beat, seen or not."""
    stored = {canary.queue: canary for canary in Canary.objects.in_scope(scope)}
    return [_sign(name, stored.get(name), now) for name in NAMES]


def _sign(name: str, canary: Canary | None, now: datetime) -> Sign:
    if canary is None:
        return Sign(name, None, None)
    delay = canary.consumed_at - canary.sent_at
    return Sign(name, max(0.0, (now - canary.consumed_at).total_seconds()), delay.total_seconds() * 1000)


def _not_later_than_now(sent_at: datetime | None) -> datetime:
    now = datetime.now(UTC)
    return min(sent_at or now, now)
