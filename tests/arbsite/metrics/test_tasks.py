"""Tasks are counted by what became of them, timed, and their wait is told by queue."""

import time
from types import SimpleNamespace

import pytest
from celery import shared_task
from celery.app.task import Context

from arbsite.metrics.tasks import note_begin
from tests.told import value_of


@shared_task(name="test.metered")
def metered(fails: bool) -> None:
    """Fail where it is told to."""
    if fails:
        raise ValueError("told to fail")


def counted(outcome: str) -> float:
    return value_of("arbsite_tasks_total", task="test.metered", outcome=outcome)


@pytest.mark.django_db
def test_a_task_is_counted_by_what_became_of_it_and_timed():
    before = counted("success"), counted("failure")
    metered.apply(args=[False])
    metered.apply(args=[True])
    assert (counted("success"), counted("failure")) == (before[0] + 1, before[1] + 1)
    assert value_of("arbsite_task_duration_seconds_count", task="test.metered") == sum(before) + 2


def test_the_wait_of_a_task_is_told_by_its_queue():
    before = value_of("arbsite_task_delay_seconds_sum", queue="scan")
    waited = Context({"arb_sent_at_s": time.time() - 7, "delivery_info": {"routing_key": "scan"}})
    note_begin("waited", SimpleNamespace(name="test.metered", request=waited))
    assert value_of("arbsite_task_delay_seconds_sum", queue="scan") - before == pytest.approx(7, abs=3)


def test_a_task_that_nobody_dated_has_not_waited():
    before = value_of("arbsite_task_delay_seconds_count", queue="inline")
    note_begin("undated", SimpleNamespace(name="test.metered", request=Context({})))
    assert value_of("arbsite_task_delay_seconds_count", queue="inline") == before
