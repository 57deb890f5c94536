"""The Celery app: queues, routes, and settings that lose no task and double none that matters."""

import logging.config
import time
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings
from django.db import close_old_connections
from kombu import Queue as KombuQueue

from arbsite import config
from ops import correlation
from ops.queues import Queue

config.name_settings_module()

SOFT_LIMIT_S = 45
HARD_LIMIT_S = 60
# Far above the hard limit: a message whose task still runs must never be handed to a second worker.
VISIBILITY_TIMEOUT_S = 15 * 60
NO_BROKER = "redis://127.0.0.1:0/0"  # an embedded server that is not started: refused at once, never a default broker

ROUTES = {
    "trading.execution_step": Queue.EXECUTION,
    "trading.reconcile*": Queue.ACCOUNT,
    "trading.account*": Queue.ACCOUNT,
    "mlops.*": Queue.ML,
    "arbsite.backup*": Queue.ML,
    **{f"ops.canary.{queue}": queue for queue in Queue},
}

app = Celery("arbsite", events="arbsite.task_events:HastyEvents")
app.conf.update(
    broker_url=settings.ARB.redis_url or NO_BROKER,
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "socket_connect_timeout": 2,
        "socket_timeout": 3,  # longer than the one second that a blocking pop waits
        "socket_keepalive": True,
        "health_check_interval": 10,
        # give up soon: the outbox keeps what could not be sent
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.2,
    },
    # JSON alone: a pickle is code, and whoever reaches the broker could send one
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_accept_content=["json"],
    task_ignore_result=True,
    result_expires=None,  # or beat's schedule gains an entry that clears up results nobody keeps
    timezone="UTC",
    enable_utc=True,
    task_queues=[KombuQueue(queue.value, routing_key=queue.value) for queue in Queue],
    task_default_queue=Queue.SCAN.value,
    task_create_missing_queues=False,
    task_routes={pattern: {"queue": queue.value} for pattern, queue in ROUTES.items()},
    # acknowledged when done, handed on when a child dies: every task bears being run twice
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    task_soft_time_limit=SOFT_LIMIT_S,
    task_time_limit=HARD_LIMIT_S,
    worker_soft_shutdown_timeout=20,
    worker_proc_alive_timeout=30,  # a child imports venue SDKs
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=True,
    task_send_sent_event=True,
    beat_scheduler="arbsite.beat:OneBeat",
    CELERY_DB_REUSE_MAX=1000,  # a database session is kept from task to task, and tested before its use
)
app.autodiscover_tasks()


@signals.setup_logging.connect
def log_as_django_does(**kwargs: Any) -> None:
    """Use our own logging; that this receiver exists keeps Celery's away."""
    logging.config.dictConfig(settings.LOGGING)


@signals.before_task_publish.connect
def stamp(headers: dict[str, Any], **kwargs: Any) -> None:
    """Send the correlation id along, and when the task was sent."""
    headers["arb_correlation_id"] = correlation.current() or correlation.new()
    headers["arb_sent_at_s"] = time.time()


@signals.task_prerun.connect
def take_up(task_id: str, task: Any, **kwargs: Any) -> None:
    """Log under the correlation id of whoever sent the task."""
    close_old_connections()
    correlation.bind(task.request.get("arb_correlation_id") or correlation.new())
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def put_down(**kwargs: Any) -> None:
    """Forget the task's correlation id."""
    correlation.bind("")
    structlog.contextvars.unbind_contextvars("task", "task_id")


@signals.worker_shutting_down.connect
def say_goodbye(sig: str, how: str, **kwargs: Any) -> None:
    """Say in the log why a worker ends."""
    structlog.get_logger(__name__).info("worker_shutting_down", signal=sig, how=how)
