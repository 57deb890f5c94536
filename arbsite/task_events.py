"""What workers tell of themselves, for Flower: each event once, and a lost one is no harm."""

from typing import Any

from celery.app.events import Events
from celery.events import EventDispatcher


class HastyDispatcher(EventDispatcher):
    """Tells each event once: Celery tries a heartbeat for ever, and a worker whose broker is away would never end."""

    def send(self, type: str, **told: Any) -> Any:  # noqa: A002 - Celery's own word
        """Send an event; one that finds no broker goes out with the next that does."""
        return super().send(type, **{**told, "retry": False})


class HastyEvents(Events):
    """The events of an app whose workers are hasty."""

    dispatcher_cls = f"{__name__}:{HastyDispatcher.__name__}"
