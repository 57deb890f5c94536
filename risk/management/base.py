"""What risk's commands share: which scope they mean and how they answer."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from domain.errors import BadInput
from domain.scope import Mode, Scope
from risk.selectors import latest_run


class RiskCommand(BaseCommand):
    """A command that answers in words, or with ``--json`` in one object on stdout."""

    requires_system_checks: Any = []  # a halt waits for nothing

    def answer(self, options: dict[str, Any], result: dict[str, Any], words: str) -> None:
        """Print the one answer."""
        self.stdout.write(json.dumps(result) if options["json"] else words)


def add_scope_arguments(parser: CommandParser) -> None:
    """Declare ``--mode`` and ``--run``."""
    parser.add_argument("--mode", choices=list(Mode), help="the mode; by default the configured one")
    parser.add_argument("--run", default="", help="the run; in replay by default the last one")


def scope_of(options: dict[str, Any]) -> Scope:
    """Return the scope that ``--mode`` and ``--run`` name. Raises: BadInput for a run outside replay."""
    configured: Scope = settings.ARB.scope
    mode = Mode(options["mode"]) if options["mode"] else configured.mode
    if options["run"] and mode is not Mode.REPLAY:
        raise BadInput(f"--run is {options['run']!r}, but the mode is {mode}: only replay tells runs apart")
    if options["run"]:
        return Scope(mode, options["run"])
    if mode is Mode.REPLAY:
        return Scope(mode, configured.run_id or latest_run(mode) or None)
    return Scope(mode)
