"""Registers the mlops app."""

from django.apps import AppConfig


class MlopsConfig(AppConfig):
    """The mlops app."""

    name = "mlops"
    verbose_name = "Models"
    default_auto_field = "django.db.models.BigAutoField"
