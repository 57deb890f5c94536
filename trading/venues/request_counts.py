"""Every request to a venue or a node is counted by how it ended, and timed."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Refused
from ops import metering, metrics


@contextmanager
def counted(server: str) -> Iterator[None]:
    """Count what is asked of ``server`` in the block as answered, refused, failed or given up."""
    begun_s, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "answered"
    except Refused:
        outcome = "refused"
        raise
    except asyncio.CancelledError:
        outcome = "given_up"
        raise
    finally:
        metering.add(metrics.VENUE_REQUESTS, server, outcome)
        metering.observe(metrics.VENUE_REQUEST_DURATION, time.monotonic() - begun_s, server)
