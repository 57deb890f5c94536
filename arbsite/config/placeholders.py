"""Texts that stand in examples and guides where a secret belongs, and that everybody therefore knows."""

import re
from urllib.parse import urlsplit

from domain.errors import BadInput

_PLACEHOLDER = re.compile(
    r"your[_-].*|.*[_-]here|.*change[_-]?(me|this|in[_-]production).*|<.*>|x{4,}|admin|example", re.IGNORECASE
)
_MADE_BY_SETUP = ("TIMESCALE_PASSWORD", "DATABASE_URL", "REDIS_PASSWORD", "REDIS_URL", "ARB_")


def reject_placeholder(name: str, value: str, origin: str) -> None:
    """Refuse a secret that is an example's text, or an address whose password is one. Raises: BadInput."""
    if not (is_placeholder(value) or is_placeholder(_password_of(value))):
        return
    remedy = "put a secret of your own there, or leave it out"
    if name.startswith(_MADE_BY_SETUP):
        remedy = "remove it and let manage.py setup --env make one"
    raise BadInput(f"{name} in {origin} is an example's text, which everybody knows: {remedy}")


def is_placeholder(secret: str) -> bool:
    """Whether ``secret`` is what examples write where one belongs."""
    return _PLACEHOLDER.fullmatch(secret) is not None


def _password_of(value: str) -> str:
    if "://" not in value:
        return ""
    try:
        return urlsplit(value).password or ""
    except ValueError:  # an Apprise address need not be a URL that Python can split
        return ""
