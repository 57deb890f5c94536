"""Instants: int ns on the hot path, aware UTC datetimes in rows."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_S


def from_ns(at_ns: int) -> datetime:
    """Return the UTC datetime of an instant, to the microsecond below."""
    return EPOCH + timedelta(microseconds=at_ns // 1_000)


def to_ns(at: datetime) -> int:
    """Return ns since the epoch of an aware datetime."""
    since = at - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
