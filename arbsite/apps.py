"""Registers the project itself as an app: its checks, its commands, its Celery app."""

from django.apps import AppConfig, apps
from django.db.models.signals import pre_migrate


class ArbsiteConfig(AppConfig):
    """The project."""

    name = "arbsite"

    def ready(self) -> None:
        """Register checks and signals, and make the Celery app the one that every task is sent through."""
        from arbsite import celery, checks, worker  # noqa: F401  they need settings and models, as the next
        from arbsite.metrics import tasks  # noqa: F401
        from arbsite.setup.timescale import require_before_migrate

        first = apps.get_app_config("ops")  # an app without models, as this one, is sent no signal
        pre_migrate.connect(require_before_migrate, sender=first, dispatch_uid="arbsite.require_timescale")
