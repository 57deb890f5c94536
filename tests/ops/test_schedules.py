"""The schedule: seeded once, an operator's changes kept, late ticks dropped."""

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from ops.queues import Queue
from ops.services.schedules import ENTRIES, seed

pytestmark = pytest.mark.django_db


def test_migrate_has_seeded_every_entry_and_seeding_again_adds_none():
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == {entry.task for entry in ENTRIES}
    assert seed() == []


def test_every_queue_has_a_canary_sent_to_that_queue():
    stored = dict(PeriodicTask.objects.filter(name__startswith="ops.canary.").values_list("name", "queue"))
    assert stored == {f"ops.canary.{queue}": str(queue) for queue in Queue}


def test_every_entry_expires_before_its_next_tick():
    for task in PeriodicTask.objects.select_related("interval"):
        assert 0 < task.expire_seconds < task.interval.every


def test_what_an_operator_set_stays_and_the_expiry_follows_the_interval():
    slower, _ = IntervalSchedule.objects.get_or_create(every=100, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="risk.tick").update(enabled=False, interval=slower, queue="ml")
    seed()
    task = PeriodicTask.objects.get(name="risk.tick")
    assert (task.enabled, task.interval, task.expire_seconds, task.queue) == (False, slower, 80, "scan")


def test_a_deleted_entry_comes_back():
    PeriodicTask.objects.filter(name="ops.sweep").delete()
    assert seed() == ["ops.sweep"]
