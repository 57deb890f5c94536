"""Registers the ops app and seeds the schedule and aligns the server after every migrate."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class OpsConfig(AppConfig):
    """The ops app."""

    name = "ops"
    verbose_name = "Operations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what follows a migrate; system checks register on import."""
        from ops import checks  # noqa: F401  needs the app registry
        from ops.services.policies import align_after_migrate
        from ops.services.schedules import seed_after_migrate

        post_migrate.connect(seed_after_migrate, sender=self, dispatch_uid="ops.seed_schedules")
        post_migrate.connect(align_after_migrate, sender=self, dispatch_uid="ops.align_policies")
