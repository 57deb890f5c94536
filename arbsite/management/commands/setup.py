"""Creates what the system needs in its database server: databases, schema, schedules, the first admin user."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite.first_user import ensure_first_user
from arbsite.schema import database_names, ensure_database, ensure_migrated, using


class Command(BaseCommand):
    """Set up the databases of every mode; what exists already stays as it is."""

    help = "Create the databases of every mode, their schema and the first admin user; safe to run again."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--mode", help="the mode whose settings are used")

    def handle(self, *args: Any, **options: Any) -> None:
        arb = settings.ARB
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
                "admin": ensure_first_user(settings.ARB),
            }


def _in_words(summary: dict[str, Any]) -> str:
    lines = [
        f"database {row['name']}: {'created' if row['created'] else 'there already'}, "
        f"{row['migrations_applied']} migrations applied"
        for row in summary["databases"]
    ]
    kept = summary["admin_password_file"]
    where = f"in {kept}" if kept else "the one in ARB_ADMIN_PASSWORD"
    return "\n".join([*lines, f"admin user {summary['admin_user']}, password {where}", "everything is set up"])
