"""``manage.py migrate``: Django's own, one at a time on a database, and again where others held its tables."""

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import DatabaseError, connections
from psycopg import errors

from arbsite.setup.schema import one_migration_at_a_time
from domain.errors import Unreachable

ATTEMPTS = 5
_PAUSE_S = 0.5


class Command(migrate.Command):
    """Django's command; what only looks waits for nobody, and who comes second finds nothing left to do."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate once no other command does. Raises: Unreachable where others are in the way again and again."""
        if options["check_unapplied"] or options["plan"]:
            super().handle(*args, **options)
            return
        with one_migration_at_a_time(connections[options["database"]]):
            self._migrate(*args, **options)

    def _migrate(self, *args: Any, **options: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                super().handle(*args, **options)
                return
            except DatabaseError as error:
                if not _were_others(error):
                    raise
                failure = str(error).splitlines()[0]
            time.sleep(_PAUSE_S * attempt)  # what was applied stays: the next attempt goes on from there
        raise Unreachable(f"others were in the way of a migration {ATTEMPTS} times ({failure}): run it again later")


def _were_others(error: DatabaseError) -> bool:
    """Whether the server gave up because of another session, and may do it when asked again."""
    if isinstance(error.__cause__, errors.DeadlockDetected | errors.LockNotAvailable | errors.SerializationFailure):
        return True
    return "concurrently" in str(error)  # "tuple concurrently updated" has no code of its own
