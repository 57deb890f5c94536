"""Risk's tasks."""

from celery import shared_task
from django.utils import timezone

from risk.services import tick_all


@shared_task(name="risk.tick")
def tick() -> None:
    """Let every open breaker that has cooled down take probes, and bring limits up to the environment."""
    tick_all(timezone.now())
