"""The state folder, and secrets that nobody chose: generated once, kept in files that only their owner reads."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from domain.errors import Unreachable
from domain.secret import Secret


def claim_state_dir(state_dir: Path) -> Path:
    """Return ``state_dir``, made if absent and proved to be ours: its name in a public folder can be guessed.

    Raises: Unreachable if it belongs to someone else, or everybody or nobody may write in it.
    """
    try:
        state_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        owners = {state_dir.lstat().st_uid, state_dir.stat().st_uid}
    except OSError as error:
        raise Unreachable(f"the state folder {state_dir} cannot be made: {error.strerror}") from error
    if owners != {os.geteuid()}:
        raise Unreachable(f"the state folder {state_dir} belongs to another user: name your own in ARB_STATE_DIR")
    if state_dir.stat().st_mode & stat.S_IWOTH:
        raise Unreachable(f"anybody may write in the state folder {state_dir}, which keeps secrets: chmod o-w it")
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise Unreachable(f"the state folder {state_dir} is read-only")
    return state_dir


def generated_secret(state_dir: Path, name: str) -> Secret:
    """Return the secret kept under ``name``, made at the first call. Raises: Unreachable if it cannot be kept."""
    return _kept(state_dir, name, lambda: secrets.token_urlsafe(48))


def generated_password(state_dir: Path, name: str) -> Secret:
    """Return the same for people: short enough for a narrow terminal, one word to a double click; 96 bits."""
    return _kept(state_dir, name, lambda: secrets.token_hex(12))


def secret_file(state_dir: Path, name: str) -> Path:
    """Return the file that keeps the secret called ``name``."""
    return state_dir / "secrets" / name


def _kept(state_dir: Path, name: str, make: Callable[[], str]) -> Secret:
    file = secret_file(state_dir, name)
    try:
        return Secret(file.read_text(encoding="utf-8") if file.exists() else _generate(file, make()))
    except OSError as error:
        raise Unreachable(f"the secret in {file} cannot be kept: {error.strerror}") from error


def _generate(file: Path, secret: str) -> str:
    """Return what the file holds in the end: of two processes at once, the first one's secret."""
    claim_state_dir(file.parent.parent)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(secret)
    try:
        os.link(draft, file)  # fails if another process was first, and never shows a half-written file
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text(encoding="utf-8")
