"""Whether PostgreSQL and Redis answer, as the demo sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from redis import Redis
from redis.exceptions import RedisError

from arbsite.demo.journal import Journal
from arbsite.demo.snapshot import Health, ServerView


@dataclass(slots=True)
class ServerWatch:
    """Asks one server which start of it answers, and tells the journal of every outage, however short."""

    name: str
    ask: Callable[[], str]  # names the running instance: another name is another start
    journal: Journal
    away_since: datetime | None = None
    instance: str = ""

    def look(self) -> bool:
        """Return whether the server answers now."""
        now = datetime.now(UTC)
        try:
            instance = self.ask()
        except (DatabaseError, InterfaceError, RedisError, OSError) as error:
            if self.away_since is None:
                self.away_since = now
                self.journal.gone(self.name, f"no answer ({type(error).__name__})", at=now)
            return False
        if self.away_since is None and self.instance not in ("", instance):
            self.journal.gone(self.name, "it ended and was started again between two looks", at=now)
        self.away_since, self.instance = None, instance
        self.journal.back(self.name, at=now)
        return True

    def view(self) -> ServerView:
        """Return how it was at the last look."""
        if self.away_since is None:
            return ServerView(self.name, Health.UP)
        return ServerView(self.name, Health.AWAY, (datetime.now(UTC) - self.away_since).total_seconds())


def ask_database() -> str:
    """Return when the database server was started; the connection is made anew at the next attempt.

    Raises: DatabaseError, InterfaceError.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_postmaster_start_time()::text")
            return str(cursor.fetchone()[0])
    except (DatabaseError, InterfaceError):
        connection.close()
        raise


def ask_redis(client: Redis) -> str:
    """Return the id that Redis took at its start. Raises: RedisError, OSError."""
    told: Any = client.info("server")
    return str(told["run_id"])
