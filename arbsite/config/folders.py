"""Folders that settings name: made where they are missing, refused in one sentence where nothing can be written."""

import os
from pathlib import Path

from domain.errors import Unreachable


def claim_folder(folder: Path, *, variable: str, mode: int = 0o777) -> Path:
    """Return ``folder``, made if absent. Raises: Unreachable naming its variable if we cannot write in it."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise Unreachable(f"{variable} is {folder}, which cannot be made a folder: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unreachable(
            f"{variable} is {folder}, where nothing can be written: give it to this user, or name another"
        )
    return folder
