"""The one sender of tasks: a kept connection, short time-outs, no retries behind anyone's back."""

import threading
from typing import Any

from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.errors import Unreachable


class Broker:
    """Sends tasks by name over a connection of its own; one per thread, so that a fork never copies a held lock."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._producer: Any = None

    def send(self, kind: str, *ids: int, after_s: float | None = None, expires_s: float | None = None) -> None:
        """Hand the task called ``kind`` to the broker. Raises: Unreachable if it was not accepted."""
        try:
            producer = self._open()
            current_app.send_task(kind, ids, producer=producer, retry=False, countdown=after_s, expires=expires_s)
        except (OperationalError, RedisError, OSError) as error:
            self.close()
            raise Unreachable(f"the broker did not accept {kind} {' '.join(map(str, ids))}: {error}") from error

    def close(self) -> None:
        """Let the connection go; the next send opens another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.collect()

    def _open(self) -> Any:
        if self._producer is None:
            self._connection = current_app.connection_for_write()
            self._producer = current_app.amqp.Producer(self._connection)
        return self._producer


_own = threading.local()


def send(kind: str, *ids: int, after_s: float | None = None, expires_s: float | None = None) -> None:
    """Hand the task called ``kind`` to the broker over this thread's connection, to be begun ``after_s`` from now;
    begun later than ``expires_s`` from now it is dropped. Raises: Unreachable.
    """
    if not hasattr(_own, "broker"):
        _own.broker = Broker()
    _own.broker.send(kind, *ids, after_s=after_s, expires_s=expires_s)
