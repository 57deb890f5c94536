"""Registers the project itself as an app: its checks, its commands, its Celery app."""

from django.apps import AppConfig


class ArbsiteConfig(AppConfig):
    """The project."""

    name = "arbsite"

    def ready(self) -> None:
        """Register checks and signals, and make the Celery app the one that every task is sent through."""
        from arbsite import celery, checks, task_metrics, worker  # noqa: F401  they need settings and models
