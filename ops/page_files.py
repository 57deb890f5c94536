"""A page of HTML as a file: written whole or not at all, and never over something that is none."""

import os
from contextlib import suppress
from pathlib import Path

from domain.errors import BadInput

_BEGINS = b"<!doctype html>"


def check_writable(path: Path) -> None:
    """Raise BadInput unless a page can be written there: asked before a long run, not after it."""
    if path.is_dir():
        raise BadInput(f"--html {path} is a folder: name a file")
    if not path.parent.is_dir():
        raise BadInput(f"--html {path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not _is_page(path):
        raise BadInput(f"--html {path} holds something else than a page: name another file")
    try:
        _unfinished(path).touch()
    except OSError as error:
        raise BadInput(f"--html {path} cannot be written: {error.strerror}") from None
    finally:
        _drop(_unfinished(path))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever reads it finds all of it or what was there before. Raises: OSError."""
    unfinished = _unfinished(path)
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        _drop(unfinished)


def _is_page(path: Path) -> bool:
    """Whether a file may be written over: an empty one, or a page as ours begins. A device is none."""
    if not path.is_file():
        return False
    with path.open("rb") as held:
        start = held.read(len(_BEGINS))
    return start.lower() in (b"", _BEGINS)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _drop(unfinished: Path) -> None:
    with suppress(OSError):  # where nothing can be written, nothing is there
        unfinished.unlink(missing_ok=True)
