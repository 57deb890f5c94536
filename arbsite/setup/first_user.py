"""The first admin user of a database, its password generated where none was chosen."""

from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import transaction

from arbsite.config import Arb, generated_password, secret_file
from domain.secret import Secret
from ops.locks import hold_until_commit

_KEPT_AS = "admin_password"
_LOCK = "first_user"


@dataclass(frozen=True, slots=True)
class FirstUser:
    """Who signs in to the admin, and with what; the file is None where the password was chosen by a person."""

    name: str
    password: Secret
    password_file: Path | None
    is_new: bool


def ensure_first_user(arb: Arb) -> FirstUser:
    """Return the admin user of the current database, made if absent; one that exists keeps its password."""
    password = arb.web.admin_password or generated_password(arb.state_dir, _KEPT_AS)
    users = get_user_model().objects
    with transaction.atomic():
        hold_until_commit(_LOCK)
        is_new = not users.filter(username=arb.web.admin_user).exists()
        if is_new:
            users.create_superuser(username=arb.web.admin_user, email="", password=password.reveal())
    file = None if arb.web.admin_password else secret_file(arb.state_dir, _KEPT_AS)
    return FirstUser(arb.web.admin_user, password, file, is_new)
