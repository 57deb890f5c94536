"""Where this system's stop file is, and whether it is there."""

from django.conf import settings

from risk import stopfile


def stop_file_present() -> bool:
    """Return whether the stop file is there; read it again just before anything opening is sent."""
    return stopfile.is_present(settings.ARB.stop_file)
