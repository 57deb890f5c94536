"""One system per state folder: two would take each other's messages out of the same queues."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbsite.config import claim_state_dir
from arbsite.embedded import locks
from domain.errors import Refused


@contextmanager
def run_alone(state_dir: Path) -> Iterator[None]:
    """Hold the right to run the processes. Raises: Refused if a demo or ``up`` runs already."""
    lock = locks.open_lock(claim_state_dir(state_dir) / "system.lock")
    try:
        if not locks.try_alone(lock):
            raise Refused(f"a demo or an up runs already with the state folder {state_dir}: end it first")
        yield
    finally:
        os.close(lock)
