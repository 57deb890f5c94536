"""What beat has done: a backup every day, a restore of it every week; a person is told where either fails."""

from datetime import datetime

from arbsite.backups.create import Made, create
from arbsite.backups.shelf import LATEST
from arbsite.backups.verify import Proof, verify
from arbsite.config import Arb
from domain.errors import ArbError
from ops.services.alerts import alert


def back_up(arb: Arb, *, now: datetime) -> Made:
    """Make today's backup. Raises: ArbError once a person is told."""
    try:
        return create(arb, now=now)
    except (ArbError, OSError) as error:
        alert("The backup failed", str(error), level="error", key="backup_failed")
        raise


def prove_latest(arb: Arb, *, now: datetime) -> Proof:
    """Prove that the latest backup can be restored. Raises: ArbError once a person is told."""
    try:
        return verify(arb, LATEST, now=now)
    except (ArbError, OSError) as error:
        alert("The latest backup cannot be restored", str(error), level="error", key="backup_unproved")
        raise
