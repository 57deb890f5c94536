"""Readings: how the system's own parts are at one instant, for dashboards that read rows and for the web's metrics.

A part that cannot be read says why and holds up no other. What is silent grows older: a venue that nobody tells of any
more, and a queue whose canary never came, are as old as the last word of them.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Min
from redis.exceptions import RedisError

from arbsite.backups import newest_verified_at
from arbsite.data_ages import cached_ages_ms
from arbsite.metrics.targets import memory_by_process, targets_file
from arbsite.redis_client import hasty_client
from domain.errors import ArbError
from domain.scope import Scope
from ops.bulk import append_rows
from ops.locks import advisory
from ops.models import Outbox, Reading
from ops.models.reading import ReadingKind
from ops.queues import Queue
from ops.services import canaries
from trading.marketdata.venue_board import VenueBoard
from trading.venues import roster

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0
TOLD_LATELY_S = 15.0  # what the stream said longer ago of a venue's health is no longer how it is
REMEMBERED = timedelta(hours=6)  # how long a venue that nobody tells of any more is followed
_SESSIONS = (
    "SELECT pg_database_size(current_database()), count(*) FROM pg_stat_activity WHERE datname = current_database()"
)


class Read(NamedTuple):
    """One number of one part."""

    kind: ReadingKind
    subject: str
    value: float


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that could be read at one instant, and why the rest could not, by part."""

    at: datetime
    values: tuple[Read, ...]
    unread: dict[str, str]


def gather(scope: Scope, *, now: datetime | None = None) -> Readings:
    """Return how every part is just now."""
    at = now or datetime.now(UTC)
    values: list[Read] = []
    unread: dict[str, str] = {}
    for name, read in _PARTS.items():
        try:
            values += list(read(scope, at))
        except (DatabaseError, RedisError, OSError, ArbError) as error:
            unread[name] = type(error).__name__  # the message may hold an address
    return Readings(at, tuple(values), unread)


def store(scope: Scope) -> int:
    """Append how every part is just now and return how many rows that made; none where another does so now."""
    with advisory(f"readings:{scope}") as is_ours:
        if not is_ours:
            return 0
        found = gather(scope)
        if found.unread:
            log.warning("readings_incomplete", unread=found.unread)
        columns = scope.columns
        rows = [(*columns.values(), found.at, *read) for read in found.values]
        return append_rows(Reading, (*columns, "timestamp", *Read._fields), rows)


def _queues(scope: Scope, now: datetime) -> Iterator[Read]:
    with hasty_client(settings.ARB.redis_url, PATIENCE_S) as client:
        for queue in Queue:
            yield Read(ReadingKind.QUEUE_DEPTH_MESSAGES, queue, client.llen(queue.value))


def _canaries(scope: Scope, now: datetime) -> Iterator[Read]:
    for sign in canaries.signs(scope=scope, now=now):
        age_s = _looked_for_s(scope, now) if sign.age_s is None else sign.age_s
        yield Read(ReadingKind.CANARY_AGE_S, sign.queue, age_s)
        if sign.delay_ms is not None and sign.queue in list(Queue):
            yield Read(ReadingKind.QUEUE_DELAY_MS, sign.queue, sign.delay_ms)


def _looked_for_s(scope: Scope, now: datetime) -> float:
    """Return for how long signs have been looked for: the age of one that has never come."""
    looks = Reading.objects.in_scope(scope).filter(kind=ReadingKind.CANARY_AGE_S)
    first = looks.aggregate(first=Min("timestamp"))["first"]
    return max(0.0, (now - first).total_seconds()) if first else 0.0


def _outbox(scope: Scope, now: datetime) -> Iterator[Read]:
    waiting = Outbox.objects.in_mode(scope.mode).filter(dispatched_at=None, due_at__lte=now)
    oldest = waiting.aggregate(oldest=Min("due_at"))["oldest"]
    yield Read(ReadingKind.OUTBOX_AGE_S, "", max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)


def _feeds(scope: Scope, now: datetime) -> Iterator[Read]:
    """Yield how old and how healthy each venue's data is, and how far its clock is off."""
    with hasty_client(settings.ARB.redis_url, PATIENCE_S) as client:
        board = VenueBoard(client, scope, partitions=settings.ARB.partition.count)
        told_ago_s = board.age_s()
        lines = board.lines() if told_ago_s is not None else []
        ages_ms: dict[str, float] = {**_remembered_ages_ms(scope, now), **cached_ages_ms(client, scope, now)}
    for line in lines:
        assert told_ago_s is not None  # else there are no lines
        if line.age_ms is not None:
            ages_ms[line.venue] = line.age_ms + told_ago_s * 1000
        is_told = told_ago_s <= TOLD_LATELY_S
        yield Read(ReadingKind.VENUE_HEALTH_SHARE, line.venue, line.health / 100 if is_told else 0.0)
        if line.clock_offset_ms is not None and is_told:
            yield Read(ReadingKind.CLOCK_SKEW_MS, line.venue, line.clock_offset_ms)
    for venue, age_ms in sorted(ages_ms.items()):
        yield Read(ReadingKind.DATA_AGE_MS, venue, max(0.0, age_ms))


def _remembered_ages_ms(scope: Scope, now: datetime) -> dict[str, float]:
    """Return the age that the data of each venue of ours has by now if none has come since it was last read."""
    known = roster.sources(settings.ARB.venues)
    recent = Reading.objects.in_scope(scope).filter(kind=ReadingKind.DATA_AGE_MS, timestamp__gt=now - REMEMBERED)
    last = recent.filter(subject__in={*known, *known.values()}).order_by("subject", "-timestamp").distinct("subject")
    found = last.values_list("subject", "value", "timestamp")
    return {venue: age_ms + (now - at).total_seconds() * 1000 for venue, age_ms, at in found}


def _database(scope: Scope, now: datetime) -> Iterator[Read]:
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS)
        size_bytes, sessions = cursor.fetchone()
    yield Read(ReadingKind.DATABASE_SIZE_BYTES, "", size_bytes)
    yield Read(ReadingKind.DATABASE_SESSIONS, "", sessions)


def _disks(scope: Scope, now: datetime) -> Iterator[Read]:
    """Yield what is left where files stay: a container's state folder itself is memory, and small."""
    yield Read(ReadingKind.DISK_FREE_BYTES, "models", shutil.disk_usage(_existing(settings.ARB.models.directory)).free)
    backups = settings.ARB.backups.directory
    if backups.is_dir():  # some processes see none
        yield Read(ReadingKind.DISK_FREE_BYTES, "backups", shutil.disk_usage(backups).free)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def _backups(scope: Scope, now: datetime) -> Iterator[Read]:
    verified_at = newest_verified_at(settings.ARB.backups.directory)
    if verified_at is not None:
        yield Read(ReadingKind.BACKUP_AGE_S, "", max(0.0, (now - verified_at).total_seconds()))


def _memory(scope: Scope, now: datetime) -> Iterator[Read]:
    """Yield what each process uses, where one machine runs them all; elsewhere Prometheus gathers it."""
    for name, used_bytes in memory_by_process(targets_file(settings.ARB.state_dir)):
        yield Read(ReadingKind.MEMORY_BYTES, name, used_bytes)


_PARTS: dict[str, Callable[[Scope, datetime], Iterator[Read]]] = {
    "queues": _queues,
    "canaries": _canaries,
    "outbox": _outbox,
    "feeds": _feeds,
    "database": _database,
    "disks": _disks,
    "memory": _memory,
    "backups": _backups,
}
