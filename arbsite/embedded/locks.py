"""File locks that the kernel releases when their holder dies, however it dies: none is ever stale."""

import fcntl
import os
from pathlib import Path


def open_lock(file: Path) -> int:
    """Return a descriptor to lock ``file`` by; closing it releases the lock."""
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def share(descriptor: int) -> None:
    """Take the lock beside other sharers, waiting while someone holds it alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def try_share(descriptor: int) -> bool:
    """Take the lock beside other sharers, or return False where someone holds it alone."""
    return _try(descriptor, fcntl.LOCK_SH)


def try_alone(descriptor: int) -> bool:
    """Take the lock alone, or return False where anyone holds it."""
    return _try(descriptor, fcntl.LOCK_EX)


def release(descriptor: int) -> None:
    """Release the lock, keeping the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
