"""pg_dump and pg_restore: those of the server's own version, their password out of sight."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import make_conninfo

from arbsite.config import Database
from arbsite.embedded.binaries import client_programs
from domain.errors import Refused, Unreachable

FIRST_THAT_ARE_ALIKE = 17  # from here on a newer program writes nothing that an older server does not read
_DEBIAN = "/usr/lib/postgresql/{major}/bin"


def find_program(name: str, *, major: int, folder: Path | None) -> Path:
    """Return the program called ``name`` that fits a server of version ``major``.

    Looked for in ``folder``, with the embedded server, where Debian keeps it, and on the search path.
    Raises: Refused naming the versions that were found.
    """
    found = {path: _major_of(path) for path in _candidates(name, major, folder)}
    fitting = [path for path, version in found.items() if version == major]
    newer = [path for path, version in found.items() if version > major >= FIRST_THAT_ARE_ALIKE]
    if fitting or newer:
        return (fitting or newer)[0]
    have = ", ".join(f"{version} in {path.parent}" for path, version in found.items()) or "none"
    raise Refused(
        f"the server is PostgreSQL {major}, and no {name} of that version is here (found: {have}): "
        f"install postgresql-client-{major}, or name its folder in ARB_PG_PROGRAMS"
    )


def begin(program: Path, database: Database, name: str, *options: str) -> "subprocess.Popen[bytes]":
    """Start a program on the database called ``name``; its output and its complaints come through pipes."""
    return subprocess.Popen(
        [str(program), f"--dbname={make_conninfo(**database.parameters_of(name))}", "--no-password", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": database.password.reveal(), "LC_ALL": "C", "TZ": "UTC"},
    )


def _candidates(name: str, major: int, folder: Path | None) -> Iterator[Path]:
    folders = [folder] if folder else [*_embedded(), Path(_DEBIAN.format(major=major))]
    yield from (where / name for where in folders if (where / name).is_file())
    on_path = None if folder else shutil.which(name)
    if on_path:
        yield Path(on_path)


def _embedded() -> list[Path]:
    try:
        return [client_programs()]
    except Unreachable:
        return []  # not installed, as in an image that uses configured servers alone


def _major_of(program: Path) -> int:
    try:
        said = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r"\) (\d+)", said)
    return int(version[1]) if version else 0
