"""The schedule that beat reads: seeded from the list below, an operator's changes kept."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from ops.queues import Queue

CANARY_PERIOD_S = 15
_EXPIRY = 0.8  # of the period: a late tick is dropped rather than run beside the next one


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule: which task, how often, on which queue."""

    task: str
    every_s: int
    queue: Queue
    about: str


ENTRIES = (
    Entry("risk.tick", 5, Queue.SCAN, "Let cooled-down breakers take probes; follow the limits of the environment."),
    Entry("trading.volatility", 60, Queue.SCAN, "Measure volatility, returns and liquidity from the stored prices."),
    Entry("trading.scan", 5, Queue.SCAN, "Look at every route once, from the price cache or by REST."),
    Entry("trading.account_reference", 600, Queue.ACCOUNT, "Ask venues and accounts for markets, lots and fees."),
    Entry("ops.sweep", 10, Queue.SCAN, "Publish outbox rows that the execution worker has left lying."),
    Entry("trading.sweep_executions", 10, Queue.SCAN, "Send a step for every execution that stands still."),
    *(
        Entry(f"ops.canary.{queue}", CANARY_PERIOD_S, queue, f"Prove that the {queue} queue is consumed.")
        for queue in Queue
    ),
)


def seed() -> list[str]:
    """Bring the stored schedule up to ``ENTRIES`` and return the names added.

    What an operator set stays: whether an entry is on, and its interval. Its expiry follows the interval.
    """
    with transaction.atomic():
        return [entry.task for entry in ENTRIES if _seed(entry)]


def seed_after_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    """Seed once beat's tables are there (a migrate of one app alone may leave them out)."""
    if using == "default" and PeriodicTask._meta.db_table in connections[using].introspection.table_names():
        seed()


def _seed(entry: Entry) -> bool:
    stored = PeriodicTask.objects.select_related("interval").filter(name=entry.task).first()
    ours = {"task": entry.task, "queue": str(entry.queue), "args": json.dumps([]), "description": entry.about}
    if stored is None:
        interval, _ = IntervalSchedule.objects.get_or_create(every=entry.every_s, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(name=entry.task, interval=interval, expire_seconds=_expiry_s(interval), **ours)
        return True
    wanted = ours | {"expire_seconds": _expiry_s(stored.interval)}
    if any(getattr(stored, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(stored, name, value)
        stored.save()  # saving tells a running beat to read the schedule again
    return False


def _expiry_s(interval: IntervalSchedule | None) -> int | None:
    """Return the expiry of an entry's messages; None for one that an operator put on a crontab."""
    if interval is None:
        return None
    period_s = interval.schedule.run_every.total_seconds()
    return max(1, int(_EXPIRY * period_s))
