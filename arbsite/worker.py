"""What runs in a worker's parent beside its pool, and beside beat: the outbox publisher, and the metrics."""

from typing import Any

from celery import signals
from django.conf import settings

from ops import broker, metering, metrics_server
from ops.queues import Queue
from ops.services.publisher import Publisher


@signals.worker_init.connect
def gather_metrics_of_children(**kwargs: Any) -> None:
    """Let the pool's processes, which come and go, count where they can be asked."""
    metering.share_with_children()


@signals.worker_ready.connect
@signals.beat_init.connect
def serve_metrics(**kwargs: Any) -> None:
    """Tell the metrics of a worker or of beat."""
    metrics_server.serve()


@signals.worker_ready.connect
def start_publisher(sender: Any, **kwargs: Any) -> None:
    """Start the outbox publisher beside the execution queue's pool."""
    if Queue.EXECUTION.value in sender.app.amqp.queues.consume_from:
        sender.outbox_publisher = Publisher(broker.send, scope=settings.ARB.scope)
        sender.outbox_publisher.start()
