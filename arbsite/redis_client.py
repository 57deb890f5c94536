"""A client of Redis for whoever must answer soon: one attempt, and little patience."""

from typing import Any

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Unreachable


def hasty_client(patience_s: float) -> Any:
    """Return a client of the configured Redis that gives up after ``patience_s``. Raises: Unreachable if none is."""
    if not settings.ARB.redis_url:
        raise Unreachable("no Redis is named")
    return Redis.from_url(
        settings.ARB.redis_url,
        socket_timeout=patience_s,
        socket_connect_timeout=patience_s,
        retry=Retry(NoBackoff(), 0),  # retries would outlast our patience
    )
