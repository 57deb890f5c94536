"""The hour that tests of hourly rows lie in: what is written in one and read in the next would be missed."""

import time
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
SPARE = timedelta(seconds=15)  # more than such a test takes


def this_hour() -> datetime:
    """Return the beginning of the present hour, which will last; near its end the next one is waited for."""
    now = datetime.now(UTC)
    left = _begin_of(now) + HOUR - now
    if left > SPARE:
        return _begin_of(now)
    time.sleep(left.total_seconds())
    return this_hour()


def _begin_of(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
