"""The folder of backups: what stands in it whole, what is being made, what is proved, and what is too old."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arbsite.backups import manifest
from arbsite.backups.manifest import Manifest
from arbsite.config.folders import claim_folder
from arbsite.embedded import locks
from domain.errors import ArbError, BadInput, Refused

PARTIAL = ".partial"
VERIFIED = "verified.json"
LATEST = "latest"
_STAMP = "%Y%m%d_%H%M%S"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep other backup commands out, and clear away what a killed one left.

    Raises: Refused while another runs, Unreachable where nothing can be written.
    """
    claim_folder(directory, variable="ARB_BACKUP_DIR", mode=0o700)
    lock = locks.open_lock(directory / ".lock")
    try:
        if not locks.try_alone(lock):
            raise Refused(f"another backup, verification or restore is under way in {directory}")
        for left in directory.glob(f"*{PARTIAL}"):
            shutil.rmtree(left)
        yield
    finally:
        os.close(lock)


@contextmanager
def being_made(directory: Path, *, now: datetime) -> Iterator[Path]:
    """Yield a folder that takes its name as a backup at the end of the block alone; it is gone where that fails."""
    name = _free_name(directory, now)
    draft = directory / f"{name}{PARTIAL}"
    draft.mkdir(mode=0o700)
    try:
        yield draft
        _sync(draft)
        draft.rename(directory / name)
        _sync_folder(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def name_of(draft: Path) -> str:
    """Return the name that a draft will have."""
    return draft.name.removesuffix(PARTIAL)


def names(directory: Path) -> list[str]:
    """Return the names of all whole backups, the oldest first."""
    return sorted(path.parent.name for path in directory.glob(f"*/{manifest.FILE}") if path.parent.suffix != PARTIAL)


def find(directory: Path, name: str) -> Path:
    """Return the folder of the backup called ``name``, or of the latest. Raises: BadInput if there is none."""
    known = names(directory)
    if not known:
        raise BadInput(f"there is no backup in {directory}: make one with manage.py backup create")
    if name == LATEST:
        return directory / known[-1]
    if name not in known:
        raise BadInput(f"there is no backup {name!r}; the latest is {known[-1]}")
    return directory / name


def check_files(folder: Path, told: Manifest) -> None:
    """Raise Refused, naming the file, where one is not as the manifest says."""
    listed = [(one.file, one.sha256) for one in told.databases] + [(one.path, one.sha256) for one in told.models]
    for path, digest in listed:
        if _leads_elsewhere(folder, path) or not (folder / path).is_file():
            raise Refused(f"the backup {told.name} lacks {path}")
        if digest_of(folder / path) != digest:
            raise Refused(f"the backup {told.name} was altered or spoilt: {path} is not what its manifest says")


def _leads_elsewhere(folder: Path, path: str) -> bool:
    return (folder / path).resolve() != folder.resolve() / path


def digest_of(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def note_verified(folder: Path, told: Manifest, *, now: datetime, seconds: float) -> None:
    """Keep with the backup that it was restored and found equal."""
    draft = folder / f"{VERIFIED}.draft"
    noted = json.dumps({"at": now.isoformat(), "digest": told.digest, "seconds": round(seconds, 1)})
    try:
        draft.write_text(noted, encoding="utf-8")
        draft.rename(folder / VERIFIED)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def is_verified(folder: Path) -> bool:
    """Whether this very backup was restored somewhere and found equal."""
    try:
        noted = json.loads((folder / VERIFIED).read_text(encoding="utf-8"))
        return bool(noted["digest"] == manifest.read(folder).digest)
    except (OSError, ValueError, KeyError, ArbError):
        return False


def newest_verified_at(directory: Path) -> datetime | None:
    """Return when the newest backup that is proved to restore was made; None where none is."""
    for name in reversed(names(directory)):
        if is_verified(directory / name):
            return manifest.read(directory / name).made_at
    return None


def prune(directory: Path, *, keep_days: int, now: datetime) -> list[str]:
    """Remove backups older than ``keep_days``, never the newest nor the newest verified one; return their names."""
    known = names(directory)
    verified = [name for name in known if is_verified(directory / name)]
    kept = {*known[-1:], *verified[-1:]}
    oldest = (now - timedelta(days=keep_days)).strftime(_STAMP)
    old = [name for name in known if name < oldest and name not in kept]
    for name in old:
        doomed = directory / f"{name}{PARTIAL}"  # never again taken for a backup, were we killed now
        (directory / name).rename(doomed)
        shutil.rmtree(doomed)
    return old


def _free_name(directory: Path, now: datetime) -> str:
    name = now.astimezone(UTC).strftime(_STAMP)
    taken = set(names(directory))
    return next(free for free in (name, *(f"{name}-{n}" for n in range(2, 1000))) if free not in taken)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            _sync_folder(path)
        else:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
