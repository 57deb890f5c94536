"""The tasks that join apps: each calls one function."""

from celery import shared_task
from django.conf import settings

from arbsite import readings


@shared_task(name="arbsite.readings")
def store_readings() -> None:
    """Store how every part of the system is just now."""
    readings.store(settings.ARB.scope)
