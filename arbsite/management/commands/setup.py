"""Creates what the system needs in its database server: databases, schema, schedules, the first admin user."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from arbsite.checks import configuration_is_sound
from arbsite.config import Arb
from arbsite.dashboards.role import ensure_role
from arbsite.setup.first_user import ensure_first_user
from arbsite.setup.schema import database_names, ensure_database, ensure_migrated, using
from domain.errors import BadInput, Refused


class Command(BaseCommand):
    """Set up the databases of every mode; what exists already stays as it is."""

    help = "Create the databases of every mode, their schema and the first admin user; safe to run again."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; those of ``--env`` are read by ``arbsite.setup.env_files``, before any settings are."""
        parser.add_argument(
            "--env", action="store_true", help="write .env and secrets for Compose instead, and no more"
        )
        parser.add_argument("--directory", help="with --env: where they are written (default the checkout)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--mode", help="the mode whose settings are used")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set up. Raises: BadInput, Refused, Unreachable."""
        if options["directory"]:
            raise BadInput("--directory is for --env, which is not given")
        arb = settings.ARB
        _refuse_unsound(arb)
        databases = [self._set_up(name) for name in database_names(arb.database)]
        user = databases[0]["admin"]
        summary = {
            "databases": [{key: value for key, value in row.items() if key != "admin"} for row in databases],
            "admin_user": user.name,
            "admin_password_file": str(user.password_file) if user.password_file else None,
            "state_dir": str(arb.state_dir),
        }
        self.stdout.write(json.dumps(summary) if options["json"] else _in_words(summary))

    def _set_up(self, name: str) -> dict[str, Any]:
        is_new = ensure_database(replace(settings.ARB.database, name=name))
        with using(name):
            return {
                "name": name,
                "created": is_new,
                "migrations_applied": ensure_migrated(applies=True),
                "dashboards_role_notes": _let_dashboards_read(),
                "admin": ensure_first_user(settings.ARB),
            }


def _let_dashboards_read() -> tuple[str, ...]:
    """Return what is to be said of the role of dashboards; trading does not wait for it."""
    dashboards = settings.ARB.dashboards
    try:
        return ensure_role(connection, user=dashboards.user, password=dashboards.password)
    except Refused as error:
        return (str(error),)


def _refuse_unsound(arb: Arb) -> None:
    """Refuse unsound settings before anything is written. Raises: Refused."""
    errors = [message for message in configuration_is_sound(None) if message.is_serious()]
    if errors:
        raise Refused("; ".join(f"{error.msg} {error.hint or ''}".strip() for error in errors))


def _in_words(summary: dict[str, Any]) -> str:
    lines = [
        f"database {row['name']}: {f'{applied} migrations applied' if applied else 'complete already'}"
        for row in summary["databases"]
        for applied in (row["migrations_applied"],)
    ]
    notes = {note for row in summary["databases"] for note in row["dashboards_role_notes"]}
    lines += [f"note on the role of dashboards: {note}" for note in sorted(notes)]
    kept = summary["admin_password_file"]
    where = f"in {kept}" if kept else "the one in ARB_ADMIN_PASSWORD"
    return "\n".join([*lines, f"admin user {summary['admin_user']}, password {where}", "everything is set up"])
