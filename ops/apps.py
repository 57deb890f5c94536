"""Registers the ops app and seeds the schedule after every migrate."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class OpsConfig(AppConfig):
    """The ops app."""

    name = "ops"
    verbose_name = "Operations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the schedule's seeding; system checks register on import."""
        from ops import checks  # noqa: F401  needs the app registry
        from ops.services.schedules import seed_after_migrate

        post_migrate.connect(seed_after_migrate, sender=self, dispatch_uid="ops.seed_schedules")
