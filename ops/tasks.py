"""The tasks of ops: each takes ids and calls one service."""

from datetime import UTC, datetime
from typing import Any

from celery import shared_task
from django.conf import settings

from ops import broker
from ops.queues import Queue
from ops.services import alerts, canaries, notifier, policies, policy_watch, retention, sweeper

LEFT_LYING_AFTER_S = 10


@shared_task(name="ops.sweep")
def sweep() -> None:
    """Publish what the publisher left lying."""
    sweeper.sweep(LEFT_LYING_AFTER_S, send=broker.send, scope=settings.ARB.scope)


@shared_task(name="ops.retention")
def retain() -> None:
    """Bring the server's policies in line with the settings, tell of those stuck, delete what no policy deletes."""
    policies.align()
    policy_watch.tell_of_stuck_policies()
    retention.prune(now=datetime.now(UTC))


@shared_task(name=alerts.NOTIFY_TASK)
def notify(alert_id: int) -> None:
    """Send one alert."""
    notifier.deliver(alert_id)


def _canary(task: Any, queue: Queue) -> None:
    sent_at_s = task.request.get("arb_sent_at_s")
    sent_at = datetime.fromtimestamp(sent_at_s, UTC) if sent_at_s else None
    canaries.seen(queue, scope=settings.ARB.scope, sent_at=sent_at)


def _make_canary(queue: Queue) -> Any:
    @shared_task(name=f"ops.canary.{queue}", bind=True)
    def sing(task: Any) -> None:
        _canary(task, queue)

    return sing


CANARIES = {queue: _make_canary(queue) for queue in Queue}
