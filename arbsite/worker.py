"""What runs in a worker's parent beside its pool."""

from typing import Any

from celery import signals
from django.conf import settings

from ops import broker
from ops.queues import Queue
from ops.services.publisher import Publisher


@signals.worker_ready.connect
def start_publisher(sender: Any, **kwargs: Any) -> None:
    """Start the outbox publisher beside the execution queue's pool."""
    if Queue.EXECUTION.value in sender.app.amqp.queues.consume_from:
        sender.outbox_publisher = Publisher(broker.send, scope=settings.ARB.scope)
        sender.outbox_publisher.start()
