"""PostgreSQL from an event loop, by sessions that end with the question that is cancelled.

psycopg would ask the server first to give the question up, and wait ten seconds for one that is away.
"""

import asyncio
from typing import Any, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen

T = TypeVar("T")
LOOK_EVERY_S = 0.1


class Session(psycopg.AsyncConnection[Any]):
    """A session that whoever is cancelled while the server is asked finds closed."""

    async def wait(
        self,
        gen: PQGen[T],
        interval: float = LOOK_EVERY_S,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's own words
    ) -> T:
        """Return what the server answers. Raises: CancelledError at once, the session closed."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except asyncio.CancelledError:
            await self.close()
            raise
