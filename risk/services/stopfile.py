"""The stop file: a halt that works with the database, Redis and beat down."""

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings


def stop_file_present() -> bool:
    """Return whether the stop file is there; a place that cannot be looked at counts as a stop."""
    try:
        _path().lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def write_stop_file(*, reason: str, actor: str, now: datetime) -> None:
    """Write the stop file, whole or not at all. Raises: OSError."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".stop-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"reason": reason, "actor": actor, "at": now.isoformat()}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    Path(draft).chmod(0o644)  # every process of this system must be able to see it, whoever it runs as
    Path(draft).replace(path)


def remove_stop_file() -> None:
    """Remove the stop file; nothing happens if there is none. Raises: OSError."""
    _path().unlink(missing_ok=True)


def _path() -> Path:
    return Path(settings.ARB.stop_file)
