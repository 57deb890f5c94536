"""The stop file: a halt that works with the database, Redis and beat down, and before Django is set up."""

import json
import os
import pwd
import tempfile
from argparse import ArgumentError, ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from domain.scope import Mode


def is_present(path: Path) -> bool:
    """Return whether the stop file is there; a place that cannot be looked at counts as a stop."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def write(path: Path, *, reason: str, actor: str, now: datetime) -> None:
    """Write the stop file, whole or not at all. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".stop-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"reason": reason, "actor": actor, "at": now.isoformat()}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    Path(draft).chmod(0o644)  # every process of this system must be able to see it, whoever it runs as
    Path(draft).replace(path)


def remove(path: Path) -> None:
    """Remove the stop file; nothing happens if there is none. Raises: OSError."""
    path.unlink(missing_ok=True)


def write_ahead(path: Path, arguments: Sequence[str], *, now: datetime) -> bool:
    """Write the stop file for ``halt`` with these arguments, before anything slower is tried; return whether it was.

    What is not understood here is left to the command itself, which names it.
    """
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    add_halt_arguments(parser)
    try:
        options, unknown = parser.parse_known_args(arguments)
        if unknown or options.dry_run or not options.reason.strip():
            return False
        write(path, reason=options.reason, actor=operator(), now=now)
    except (ArgumentError, OSError):
        return False
    return True


def add_halt_arguments(parser: ArgumentParser) -> None:
    """Declare what ``halt`` and ``resume`` accept."""
    parser.add_argument("--reason", default="", help="why, in a few words; kept in the audit trail")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--mode", choices=list(Mode), help="gates of this mode alone; the stop file stops every mode")
    parser.add_argument("--run", default="", help="the gate of this run alone")


def operator() -> str:
    """Return the account that runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"  # a container's user need not have a name
