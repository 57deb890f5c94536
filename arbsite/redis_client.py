"""A client of Redis for whoever must answer soon: one attempt, and little patience."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Unreachable


def hasty_client(url: str, patience_s: float) -> Any:
    """Return a client that gives up after ``patience_s``. Raises: Unreachable if ``url`` names no Redis."""
    if not url:
        raise Unreachable("no Redis is named: an embedded one is known to its own processes alone")
    return Redis.from_url(
        url,
        socket_timeout=patience_s,
        socket_connect_timeout=patience_s,
        retry=Retry(NoBackoff(), 0),  # retries would outlast our patience
    )
