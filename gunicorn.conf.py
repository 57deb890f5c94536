"""gunicorn's settings, read from the folder it is started in: its lines are written as ours are, secrets hidden."""

from django.conf import settings

from arbsite.config import name_settings_module

name_settings_module()
_OURS = {"level": "INFO", "handlers": [], "propagate": True}
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {**settings.LOGGING["loggers"], "gunicorn.error": _OURS, "gunicorn.access": _OURS},
}
