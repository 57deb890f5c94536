"""Whether PostgreSQL and Redis answer, as the demo sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError, connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from arbsite.demo.journal import Journal
from arbsite.demo.snapshot import Health, ServerView

_PATIENCE_S = 1.0


@dataclass(slots=True)
class ServerWatch:
    """Asks one server how it is, and tells the journal when that changes."""

    name: str
    ask: Callable[[], object]
    journal: Journal
    away_since: datetime | None = None

    def look(self) -> bool:
        """Return whether the server answers now."""
        now = datetime.now(UTC)
        try:
            self.ask()
        except (DatabaseError, InterfaceError, RedisError, OSError) as error:
            if self.away_since is None:
                self.away_since = now
                self.journal.gone(self.name, type(error).__name__, at=now)
            return False
        if self.away_since is not None:
            self.away_since = None
            self.journal.back(self.name, at=now)
        return True

    def view(self) -> ServerView:
        """Return how it was at the last look."""
        if self.away_since is None:
            return ServerView(self.name, Health.UP)
        return ServerView(self.name, Health.AWAY, (datetime.now(UTC) - self.away_since).total_seconds())


def ask_database() -> None:
    """Raise if the database does not answer; the connection is made anew at the next attempt."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        connection.close()
        raise


def redis_client(url: str) -> Redis:
    """Return a client that gives up soon and retries nothing: the screen must go on."""
    return Redis.from_url(
        url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 0)
    )
