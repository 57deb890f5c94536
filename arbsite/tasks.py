"""The tasks that join apps: each calls one function."""

from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings

from arbsite.metrics import readings

LIMITS = {"soft_time_limit": 6600, "time_limit": 7200}
ONCE = {"acks_late": False}  # longer than the time after which a message is handed on


@shared_task(name="arbsite.readings")
def store_readings() -> None:
    """Store how every part of the system is just now."""
    readings.store(settings.ARB.scope)


@shared_task(name="arbsite.backup", **LIMITS, **ONCE)
def back_up() -> None:
    """Make today's backup."""
    from arbsite.backups import scheduled  # late: what no other worker owes

    scheduled.back_up(settings.ARB, now=datetime.now(UTC))


@shared_task(name="arbsite.backup_test", **LIMITS, **ONCE)
def prove_backup() -> None:
    """Restore the latest backup aside and compare it."""
    from arbsite.backups import scheduled  # late: as above

    scheduled.prove_latest(settings.ARB, now=datetime.now(UTC))
