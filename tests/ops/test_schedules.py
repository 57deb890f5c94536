"""The schedule: seeded once, an operator's changes kept, late ticks dropped."""

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from ops.queues import Queue
from ops.services.schedules import ENTRIES, At, Entry, _seed, seed

DAY_S = 24 * 3600

pytestmark = pytest.mark.django_db


def test_migrate_has_seeded_every_entry_and_seeding_again_adds_none():
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == {entry.task for entry in ENTRIES}
    assert seed() == []


def test_every_queue_has_a_canary_sent_to_that_queue():
    stored = dict(PeriodicTask.objects.filter(name__startswith="ops.canary.").values_list("name", "queue"))
    assert stored == {f"ops.canary.{queue}": str(queue) for queue in Queue}


def test_every_entry_expires_before_its_next_tick():
    for task in PeriodicTask.objects.select_related("interval"):
        assert 0 < task.expire_seconds < (task.interval.every if task.interval else DAY_S)


def test_the_models_are_trained_at_night_and_an_operator_may_choose_another_hour():
    nightly = PeriodicTask.objects.select_related("crontab").get(name="mlops.train")
    assert (nightly.crontab.hour, nightly.crontab.minute, nightly.crontab.day_of_week) == ("3", "10", "*")
    assert (str(nightly.crontab.timezone), nightly.queue, nightly.interval) == ("UTC", "ml", None)
    later, _ = CrontabSchedule.objects.get_or_create(hour="5", minute="0", timezone="UTC")
    PeriodicTask.objects.filter(name="mlops.train").update(crontab=later)
    assert seed() == []
    assert PeriodicTask.objects.get(name="mlops.train").crontab == later


def test_an_entry_of_every_week_names_its_day():
    entry = Entry("mlops.weekly", At(4, 0, weekday="1"), Queue.ML, "On Mondays.")
    assert _seed(entry)
    stored = PeriodicTask.objects.select_related("crontab").get(name="mlops.weekly")
    assert (stored.crontab.day_of_week, stored.expire_seconds) == ("1", 6 * 3600)


def test_what_an_operator_put_on_a_crontab_no_longer_expires():
    daily, _ = CrontabSchedule.objects.get_or_create(hour="5", minute="0", timezone="UTC")
    PeriodicTask.objects.filter(name="ops.sweep").update(interval=None, crontab=daily)
    seed()
    assert PeriodicTask.objects.get(name="ops.sweep").expire_seconds is None


def test_what_an_operator_set_stays_and_the_expiry_follows_the_interval():
    slower, _ = IntervalSchedule.objects.get_or_create(every=100, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="risk.tick").update(enabled=False, interval=slower, queue="ml")
    seed()
    task = PeriodicTask.objects.get(name="risk.tick")
    assert (task.enabled, task.interval, task.expire_seconds, task.queue) == (False, slower, 80, "scan")


def test_a_deleted_entry_comes_back():
    PeriodicTask.objects.filter(name="ops.sweep").delete()
    assert seed() == ["ops.sweep"]
