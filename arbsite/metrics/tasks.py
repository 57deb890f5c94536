"""Tasks are counted and timed in whichever process runs or sends them."""

import time
from typing import Any

from celery import signals

from ops import metering, metrics

INLINE = "inline"  # run where it was called, through no queue
_begun_s: dict[str, float] = {}


@signals.after_task_publish.connect
def count_sent(sender: str, **kwargs: Any) -> None:
    """Count a task that the broker has accepted."""
    metering.add(metrics.TASKS_SENT, sender)


@signals.task_prerun.connect
def note_begin(task_id: str, task: Any, **kwargs: Any) -> None:
    """Note when a task begins, and how long it waited."""
    _begun_s[task_id] = time.monotonic()
    sent_at_s = task.request.get("arb_sent_at_s")
    if sent_at_s:
        queue = (task.request.delivery_info or {}).get("routing_key") or INLINE
        metering.observe(metrics.QUEUE_DELAY, max(0.0, time.time() - sent_at_s), queue)


@signals.task_postrun.connect
def note_end(task_id: str, task: Any, state: str | None = None, **kwargs: Any) -> None:
    """Count a task that has ended, and how long it took."""
    begun_s = _begun_s.pop(task_id, None)
    if begun_s is not None:
        metering.observe(metrics.TASK_DURATION, time.monotonic() - begun_s, task.name)
    metering.add(metrics.TASKS, task.name, (state or "unknown").lower())
