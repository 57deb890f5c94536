"""Secrets that are soon guessed: the texts that stand in examples where one belongs, and weak passwords."""

import re
from collections.abc import Iterable

from domain.errors import BadInput
from domain.secret import password_in

_PLACEHOLDER = re.compile(
    r"your[_-].*|.*[_-]here|.*change[_-]?(me|this|in[_-]production).*|<.*>|x{4,}|admin|example", re.IGNORECASE
)
SHORTEST_PASSWORD = 12
_FEWEST_CHARACTERS = 5  # different ones
_MADE_BY_SETUP = (
    *("TIMESCALE_PASSWORD", "DATABASE_URL", "REDIS_PASSWORD", "REDIS_URL", "ARB_"),
    *("POSTGRES_PASSWORD", "GRAFANA_ADMIN_PASSWORD"),
)


def reject_placeholders(secrets: Iterable[tuple[str, str, str]]) -> None:
    """Refuse secrets that are an example's text, or addresses whose password is one, all of them at once.

    Each is a name, a value and the place where it stands. Raises: BadInput.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for name, value, origin in secrets:
        if is_placeholder(value) or is_placeholder(password_in(value)):
            found.setdefault((origin, _remedy_for(name)), []).append(name)
    if found:
        raise BadInput("; ".join(_refusal(names, *place) for place, names in found.items()))


def _remedy_for(name: str) -> str:
    if name.startswith(_MADE_BY_SETUP):
        return "remove it and let manage.py setup --env make one"
    return "put a secret of your own there, or leave it out"


def _refusal(names: list[str], origin: str, remedy: str) -> str:
    told = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    verb = "are each" if names[1:] else "is"
    return f"{told} in {origin} {verb} an example's text, which everybody knows: {remedy}"


def is_placeholder(secret: str) -> bool:
    """Whether ``secret`` is what examples write where one belongs."""
    return _PLACEHOLDER.fullmatch(secret) is not None


def is_weak(password: str, user: str | None = None) -> bool:
    """Whether ``password`` is soon guessed: short, of few different characters, or holding its user's name."""
    is_named = user is not None and user in password
    return len(password) < SHORTEST_PASSWORD or len(set(password)) < _FEWEST_CHARACTERS or is_named
