"""The tasks of the ml queue: bounded in time, tried once where they take their worker down, and run by a worker of their own."""

import time

import pytest
from celery.contrib.testing.worker import start_worker

from arbsite.celery import VISIBILITY_TIMEOUT_S, app
from mlops import tasks
from mlops.models import TrainingAttempt
from mlops.services.training import NOT_ENDED
from tests.sessions import end_other_sessions

PATIENCE_S = 60


def test_every_task_ends_before_its_message_is_handed_to_a_second_worker():
    ours = [task for name, task in app.tasks.items() if name.startswith("mlops.")]
    assert tasks.train in ours
    assert all(task.soft_time_limit < task.time_limit < VISIBILITY_TIMEOUT_S for task in ours)


def test_a_training_that_took_its_worker_down_is_not_handed_to_the_next():
    assert not tasks.train.acks_late and not tasks.train_when_due.acks_late
    assert tasks.mirror.acks_late


@pytest.mark.django_db(transaction=True)
def test_the_worker_of_the_ml_queue_trains_when_it_is_told_to():
    with start_worker(app, pool="solo", queues=["ml"], perform_ping_check=False, shutdown_timeout=PATIENCE_S):
        app.send_task("mlops.train")
        deadline = time.monotonic() + PATIENCE_S
        ended = TrainingAttempt.objects.exclude(why=NOT_ENDED)
        while ended.count() < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
    attempts = list(TrainingAttempt.objects.all())
    assert len(attempts) == 3
    assert all("50 are missing" in one.why for one in attempts)
    end_other_sessions()  # the worker's thread is gone, its session is not
