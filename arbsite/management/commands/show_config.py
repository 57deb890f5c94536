"""Shows every setting, where it came from, and no secret."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import config
from arbsite.config import Arb
from arbsite.config.variables import VARIABLES


class Command(BaseCommand):
    """Print the configuration as it is understood."""

    help = "Show every setting and where it came from; secrets are masked."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--mode", help="the mode whose settings are shown")

    def handle(self, *args: Any, **options: Any) -> None:
        settings_shown = {"resolved": resolved(settings.ARB), "variables": variables()}
        self.stdout.write(json.dumps(settings_shown) if options["json"] else _in_words(settings_shown))


def resolved(arb: Arb) -> dict[str, str]:
    """Return what follows from the variables."""
    database = arb.database
    server = "embedded" if database.is_embedded else f"{database.host}:{database.port}"
    return {
        "scope": str(arb.scope),
        "commit": arb.commit,
        "database": f"{database.name} on {server}",
        "redis": "embedded" if arb.redis.is_embedded else "configured",
        "state_dir": str(arb.state_dir),
        "log_dir": str(arb.log_dir),
        "stop_file": str(arb.stop_file),
    }


def variables() -> dict[str, dict[str, str]]:
    """Return each variable's value, masked where it is a secret, and its origin."""
    source = config.source()
    return {
        variable.name: {"value": _masked(variable.is_secret, source.get(variable.name)), "origin": source.origin(name)}
        for name, variable in VARIABLES.items()
    }


def _masked(is_secret: bool, value: str) -> str:
    return "***" if is_secret and value else value


def _in_words(shown: dict[str, Any]) -> str:
    lines = [f"{name:<38} {value}" for name, value in shown["resolved"].items()]
    lines.append("")
    lines += [f"{name:<38} {row['value'] or '-':<44} {row['origin']}" for name, row in shown["variables"].items()]
    return "\n".join(lines)
