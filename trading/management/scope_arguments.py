"""Which mode and run a command looks at: ``--mode`` and ``--run``."""

from typing import Any

from django.core.management.base import CommandParser

from domain.scope import Mode, Scope
from trading.selectors.terms import chosen_scope


def add_scope_arguments(parser: CommandParser, *, runs: str = "a replay or a demo") -> None:
    """Declare ``--mode`` and ``--run``; ``runs`` says what can be named."""
    parser.add_argument("--mode", choices=list(Mode), help="the mode; by default the configured one")
    parser.add_argument("--run", default="", help=f"{runs}; by default the last one")


def scope_of(options: dict[str, Any]) -> Scope:
    """Return the scope that was asked for. Raises: BadInput as ``chosen_scope`` does."""
    return chosen_scope(Mode(options["mode"]) if options["mode"] else None, options["run"])
