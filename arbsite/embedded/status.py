"""What the keeper tells the commands: where its servers are, or why there are none."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the servers; ``error`` is empty where they run."""

    postgres_port: int = 0
    valkey_port: int = 0
    keeper_pid: int = 0
    error: str = ""


def write_status(file: Path, status: Status) -> None:
    """Replace the status, so that a reader sees the old one or the new one."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(status)), encoding="utf-8")
    draft.replace(file)


def read_status(file: Path) -> Status | None:
    """Return the status, or None while there is none."""
    try:
        return Status(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
