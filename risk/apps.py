"""The risk app."""

from django.apps import AppConfig


class RiskConfig(AppConfig):
    """Gates, breakers, limits, reservations and outcomes."""

    name = "risk"
    verbose_name = "Risk"
    default_auto_field = "django.db.models.BigAutoField"
