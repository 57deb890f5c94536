"""Celery: the settings that lose nothing, the routes, and a real worker that proves them."""

import json
import logging
import subprocess
import sys
import time
from datetime import datetime
from types import SimpleNamespace

import pytest
import structlog
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.db import connection

from arbsite import worker as worker_module
from arbsite.celery import HARD_LIMIT_S, VISIBILITY_TIMEOUT_S, app
from domain.errors import Unreachable
from ops import broker, correlation
from ops.models import Alert, Canary
from ops.queues import Queue
from ops.services.alerts import alert
from ops.services.schedules import ENTRIES
from tests.e2e.running import CHECKOUT
from tests.sessions import end_other_sessions, end_session

PATIENCE_S = 60


@pytest.fixture
def empty_queues():
    with app.connection_for_write() as link:
        for queue in Queue:
            link.default_channel.queue_purge(queue.value)


@pytest.fixture
def worker(empty_queues, transactional_db):
    """Run a real worker on every queue, in a thread of this process."""
    told = {"perform_ping_check": False, "shutdown_timeout": PATIENCE_S}
    with start_worker(app, pool="solo", queues=[str(queue) for queue in Queue], **told) as running:
        yield running
    end_other_sessions()  # the worker's thread is gone, its session is not


def wait_for(question) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return False


def queue_of(task: str) -> str:
    return app.amqp.router.route({}, task)["queue"].name


def test_our_app_is_the_current_one():
    assert current_app.main == "arbsite"


def test_nothing_but_json_is_spoken_and_nothing_is_lost_with_a_worker():
    conf = app.conf
    assert conf.accept_content == ["json"]
    assert conf.task_serializer == "json"
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert VISIBILITY_TIMEOUT_S > 5 * HARD_LIMIT_S
    assert conf.task_soft_time_limit < conf.task_time_limit == HARD_LIMIT_S


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("trading.execution_step", "execution"),
        ("trading.volatility", "scan"),
        ("trading.sweep_executions", "scan"),
        ("trading.reconcile", "account"),
        ("risk.tick", "scan"),
        ("mlops.train", "ml"),
        ("ops.sweep", "scan"),
        ("ops.notify", "scan"),
        ("ops.canary.execution", "execution"),
        ("ops.canary.ml", "ml"),
    ],
)
def test_every_task_goes_to_its_own_queue(task, queue):
    assert queue_of(task) == queue


def test_what_beat_sends_is_routed_where_its_schedule_says():
    assert {entry.task: queue_of(entry.task) for entry in ENTRIES} == {
        entry.task: str(entry.queue) for entry in ENTRIES
    }


def test_every_task_of_the_schedule_exists():
    app.loader.import_default_modules()
    assert {entry.task for entry in ENTRIES} <= set(app.tasks)


def test_a_canary_through_every_queue_leaves_its_sign(worker):
    for queue in Queue:
        app.send_task(f"ops.canary.{queue}")
    assert wait_for(lambda: Canary.objects.count() == len(Queue))
    assert all(canary.consumed_at >= canary.sent_at for canary in Canary.objects.all())


def test_an_alert_is_delivered_by_way_of_outbox_and_worker(worker):
    from ops.services.outbox import publish_due

    alert("A breaker opened", "", "error", key="k", scope=settings.ARB.scope)
    assert publish_due(broker.send, scope=settings.ARB.scope) == 1
    assert wait_for(lambda: Alert.objects.filter(delivery="no_channel").exists())


def test_a_message_carries_ids_alone_and_the_correlation_id(empty_queues):
    with correlation.correlated("c0ffee"):
        broker.send("trading.execution_step", 7)
    with app.connection_for_read() as link:
        message = link.default_channel.basic_get("execution", no_ack=True)
    args, kwargs, _ = json.loads(message.body)
    assert (args, kwargs) == ([7], {})
    assert message.headers["arb_correlation_id"] == "c0ffee"
    assert message.content_type == "application/json"


def test_a_task_logs_under_the_correlation_id_of_its_sender(worker, monkeypatch):
    seen = []
    monkeypatch.setattr("ops.services.notifier.deliver", lambda row_id: seen.append((row_id, correlation.current())))
    with correlation.correlated("c0ffee"):
        broker.send("ops.notify", 7)
    assert wait_for(lambda: seen == [(7, "c0ffee")])


def test_a_broker_that_is_away_is_unreachable(monkeypatch):
    own = broker.Broker()
    nobody = app.connection_for_write("redis://127.0.0.1:1/0")
    monkeypatch.setattr(current_app, "connection_for_write", lambda: nobody)
    with pytest.raises(Unreachable, match=r"trading\.execution_step 7"):
        own.send("trading.execution_step", 7)
    monkeypatch.undo()
    own.send("ops.notify", 7)
    own.close()


def test_a_pickled_message_is_never_opened(worker, tmp_path):
    target = tmp_path / "touched"

    class Bomb:
        def __reduce__(self):
            return target.touch, ()

    with app.connection_for_write() as link:
        app.amqp.Producer(link).publish(
            ((Bomb(),), {}, {}),
            exchange="",
            routing_key="scan",
            serializer="pickle",
            headers={"task": "ops.sweep", "id": "1"},
        )
    app.send_task("ops.canary.scan")
    assert wait_for(lambda: Canary.objects.filter(queue="scan").exists())
    assert not target.exists()


def test_the_context_of_a_task_is_gone_after_it(worker):
    app.send_task("ops.canary.scan")
    assert wait_for(lambda: Canary.objects.filter(queue="scan").exists())
    assert "task" not in structlog.contextvars.get_contextvars()
    assert logging.getLogger().handlers


def test_a_worker_keeps_its_database_session_and_replaces_a_broken_one(worker, monkeypatch):
    sessions = []

    def note(row_id: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            sessions.append(cursor.fetchone()[0])

    monkeypatch.setattr("ops.services.notifier.deliver", note)
    for done in (1, 2):
        broker.send("ops.notify", done)
        assert wait_for(lambda done=done: len(sessions) == done)
    end_session(sessions[0])
    broker.send("ops.notify", 3)
    assert wait_for(lambda: len(sessions) == 3)
    assert sessions[0] == sessions[1] != sessions[2]


def consumer_of(*queues):
    """Return what signals hand over: a worker, seen by what it consumes."""
    consumed = SimpleNamespace(consume_from=dict.fromkeys(map(str, queues)))
    return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=consumed)))


def test_the_account_worker_and_no_other_asks_venues_soon_after_its_start(empty_queues):
    for queue in Queue:
        worker_module.ask_accounts_soon(consumer_of(queue))
    with app.connection_for_read() as link:
        message = link.default_channel.basic_get("account", no_ack=True)
        assert link.default_channel.basic_get("account", no_ack=True) is None
    assert message.headers["task"] == "trading.account_reference"
    begins_s = datetime.fromisoformat(message.headers["eta"]).timestamp() - time.time()
    assert 0 < begins_s <= worker_module.ASK_AFTER_S


def test_without_a_broker_the_account_worker_starts_and_leaves_the_asking_to_beat(monkeypatch):
    def refuse(*args, **told):
        raise Unreachable("away")

    monkeypatch.setattr(broker, "send", refuse)
    with structlog.testing.capture_logs() as logs:
        worker_module.ask_accounts_soon(consumer_of(Queue.ACCOUNT))
    assert [(line["event"], line["error"]) for line in logs] == [("accounts_not_asked_at_start", "away")]


LOADED = """
import os, sys
from arbsite import config
config.name_settings_module()
import django
django.setup()
from arbsite import worker
from tests.arbsite.test_celery import consumer_of
began = os.nice(0)
for queue in ("scan", "account", "execution", "ml"):
    worker.load_what_trains(consumer_of(queue))
    print(queue, os.nice(0) - began, "lightgbm" in sys.modules, "mlflow" in sys.modules)
"""


def test_the_ml_worker_alone_loads_what_models_take_and_gives_way_to_others():
    told = subprocess.run([sys.executable, "-c", LOADED], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [
        "scan 0 False False",
        "account 0 False False",
        "execution 0 False False",
        "ml 10 True True",
    ]
