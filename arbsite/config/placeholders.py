"""Secrets that are soon guessed: the texts that stand in examples where one belongs, and weak passwords."""

import re
from urllib.parse import urlsplit

from domain.errors import BadInput

_PLACEHOLDER = re.compile(
    r"your[_-].*|.*[_-]here|.*change[_-]?(me|this|in[_-]production).*|<.*>|x{4,}|admin|example", re.IGNORECASE
)
SHORTEST_PASSWORD = 12
_FEWEST_CHARACTERS = 5  # different ones
_MADE_BY_SETUP = (
    *("TIMESCALE_PASSWORD", "DATABASE_URL", "REDIS_PASSWORD", "REDIS_URL", "ARB_"),
    *("POSTGRES_PASSWORD", "GRAFANA_ADMIN_PASSWORD"),
)


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


def is_weak(password: str, user: str | None = None) -> bool:
    """Whether ``password`` is soon guessed: short, of few different characters, or holding its user's name."""
    is_named = user is not None and user in password
    return len(password) < SHORTEST_PASSWORD or len(set(password)) < _FEWEST_CHARACTERS or is_named


def _password_of(value: str) -> str:
    if "://" not in value:
        return ""
    try:
        return urlsplit(value).password or ""
    except ValueError:  # an Apprise address need not be a URL that Python can split
        return ""
