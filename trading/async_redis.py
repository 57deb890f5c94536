"""Redis from an event loop, by a client whose commands end when they are cancelled.

Given a socket time-out, redis-py sends by ``asyncio.wait_for``, which on Python 3.11 loses a cancellation that comes
with the answer (https://bugs.python.org/issue42130): so time is taken here, around each whole exchange.
"""

import asyncio

import redis.asyncio

ANSWER_WITHIN_S = 2.0


def async_client(url: str) -> "redis.asyncio.Redis":
    """Return a client without a time-out of its own; nobody has connected yet."""
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(url, health_check_interval=10)
    return client


def in_time() -> asyncio.Timeout:
    """Return the bounds of one exchange. Raises: TimeoutError, which is an OSError as other outages are."""
    return asyncio.timeout(ANSWER_WITHIN_S)
