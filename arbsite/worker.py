"""What workers' parents and beat do beside their own work: publish the outbox, tell metrics, ask accounts soon."""

import gc
import os
from typing import Any

import structlog
from celery import signals
from django.conf import settings

from domain.errors import Unreachable
from mlops.tasks import load_libraries
from ops import broker, metering, metrics_server
from ops.queues import Queue
from ops.services.publisher import Publisher

log = structlog.get_logger(__name__)

ASK_AFTER_S = 20.0  # the venues' libraries take seconds of processor time, which whatever starts beside it needs more
ASK_WITHIN_S = 300.0
ML_NICENESS = 10


@signals.worker_init.connect
def gather_metrics_of_children(**kwargs: Any) -> None:
    """Let the pool's processes, which come and go, count where they can be asked."""
    metering.share_with_children()


@signals.celeryd_after_setup.connect
def load_what_trains(instance: Any, **kwargs: Any) -> None:
    """Import what models take before the pool forks, so that its children share it; let it all give way to others."""
    if _consumes(instance, Queue.ML):
        os.nice(ML_NICENESS)
        load_libraries()
        gc.freeze()  # a collection would copy the pages that children share


@signals.worker_ready.connect
@signals.beat_init.connect
def serve_metrics(**kwargs: Any) -> None:
    """Tell the metrics of a worker or of beat."""
    metrics_server.serve()


@signals.worker_ready.connect
def ask_accounts_soon(sender: Any, **kwargs: Any) -> None:
    """Ask what venues and accounts state at the start of whoever asks, not one period of the schedule later."""
    if _consumes(sender, Queue.ACCOUNT):
        try:
            broker.send("trading.account_reference", after_s=ASK_AFTER_S, expires_s=ASK_WITHIN_S)
        except Unreachable as error:  # beat asks later
            log.warning("accounts_not_asked_at_start", error=str(error))


@signals.worker_ready.connect
def start_publisher(sender: Any, **kwargs: Any) -> None:
    """Start the outbox publisher beside the execution queue's pool."""
    if _consumes(sender, Queue.EXECUTION):
        sender.outbox_publisher = Publisher(broker.send, scope=settings.ARB.scope)
        sender.outbox_publisher.start()


def _consumes(worker: Any, queue: Queue) -> bool:
    return queue.value in worker.app.amqp.queues.consume_from
