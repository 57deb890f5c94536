"""The schedule that beat reads: seeded from the list below, an operator's changes kept."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from ops.queues import CANARY_PERIOD_S, Queue

_EXPIRY = 0.8  # of the period: a late tick is dropped rather than run beside the next one


@dataclass(frozen=True, slots=True)
class At:
    """A time of day (UTC), on every day or on one weekday; what was not begun by ``expiry_s`` later is left out."""

    hour: int
    minute: int
    weekday: str = "*"  # 0 is Sunday
    expiry_s: int = 6 * 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule: which task, when, on which queue."""

    task: str
    due: int | At  # seconds apart, or a time of day
    queue: Queue
    about: str


ENTRIES = (
    Entry("risk.tick", 5, Queue.SCAN, "Let cooled-down breakers take probes; follow the limits of the environment."),
    Entry("trading.volatility", 60, Queue.SCAN, "Measure volatility, returns and liquidity from the stored prices."),
    Entry("trading.scan", 5, Queue.SCAN, "Look at every route once, from the price cache or by REST."),
    Entry(
        "trading.reconcile", 60, Queue.ACCOUNT, "Compare orders, fills, ledger and balances; free what was restored."
    ),
    Entry("trading.account_reference", 600, Queue.ACCOUNT, "Ask venues and accounts for markets, lots and fees."),
    Entry("arbsite.readings", 30, Queue.SCAN, "Store how queues, data, database and disks are, for dashboards."),
    Entry("ops.sweep", 10, Queue.SCAN, "Publish outbox rows that the execution worker has left lying."),
    Entry("trading.sweep_executions", 10, Queue.SCAN, "Send a step for every execution that stands still."),
    Entry(
        "ops.retention", 600, Queue.SCAN, "Delete what is older than the settings keep; align the server's policies."
    ),
    Entry("mlops.train", At(3, 10), Queue.ML, "Train every model anew on the outcomes there are."),
    Entry("mlops.train_when_due", 60, Queue.ML, "Train anew where ML_RETRAIN_FREQUENCY outcomes have come since."),
    Entry("mlops.watch", At(1, 20), Queue.ML, "Measure what models said against what came; suspend one that loses."),
    Entry("mlops.validate_models", At(4, 0, weekday="1"), Queue.ML, "Report on every model over the last week."),
    Entry("arbsite.backup", At(2, 10), Queue.ML, "Back up every mode's database and the model store."),
    Entry("arbsite.backup_test", At(5, 0, weekday="0"), Queue.ML, "Restore the latest backup aside and compare it."),
    Entry("mlops.mirror_pending", 300, Queue.ML, "Tell MLflow of versions and aliases that it missed."),
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
        schedule = _schedule_of(entry.due)
        PeriodicTask.objects.create(
            name=entry.task, **schedule, expire_seconds=_expiry_s(entry, schedule.get("interval")), **ours
        )
        return True
    wanted = ours | {"expire_seconds": _expiry_s(entry, stored.interval)}
    if any(getattr(stored, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(stored, name, value)
        stored.save()  # saving tells a running beat to read the schedule again
    return False


def _schedule_of(due: int | At) -> dict[str, Any]:
    if isinstance(due, int):
        interval, _ = IntervalSchedule.objects.get_or_create(every=due, period=IntervalSchedule.SECONDS)
        return {"interval": interval}
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=str(due.minute),
        hour=str(due.hour),
        day_of_week=due.weekday,
        day_of_month="*",
        month_of_year="*",
        timezone="UTC",
    )
    return {"crontab": crontab}


def _expiry_s(entry: Entry, interval: IntervalSchedule | None) -> int | None:
    """Return the expiry of an entry's messages; None where an operator put what has an interval on a crontab."""
    if interval is None:
        return entry.due.expiry_s if isinstance(entry.due, At) else None
    period_s = interval.schedule.run_every.total_seconds()
    return max(1, int(_EXPIRY * period_s))
