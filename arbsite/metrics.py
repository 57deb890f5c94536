"""What the web process tells beside its own: how every part is that has no voice, from the same readings as beat's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from arbsite import readings
from domain.breakers import BreakerState
from ops import metering
from ops.metering import Kind, Meter, Sample
from ops.models import ReadingKind
from risk.models import GateState
from risk.services import status


def _gauge(name: str, about: str, *labels: str) -> Meter:
    return Meter(name, about, labels, Kind.GAUGE)


OF_READING: dict[ReadingKind, tuple[Meter, float]] = {  # and how many of the reading's unit make one of the metric's
    ReadingKind.QUEUE_DEPTH_MESSAGES: (_gauge("arbsite_queue_depth_messages", "Messages that wait.", "queue"), 1),
    ReadingKind.QUEUE_DELAY_MS: (_gauge("arbsite_queue_delay_seconds", "Wait of the last canary.", "queue"), 1000),
    ReadingKind.CANARY_AGE_S: (_gauge("arbsite_canary_age_seconds", "Age of the last canary.", "queue"), 1),
    ReadingKind.OUTBOX_AGE_S: (_gauge("arbsite_outbox_age_seconds", "Age of the oldest row due and not sent."), 1),
    ReadingKind.DATA_AGE_MS: (_gauge("arbsite_data_age_seconds", "Age of the youngest book or pool.", "venue"), 1000),
    ReadingKind.VENUE_HEALTH_SHARE: (_gauge("arbsite_data_health_ratio", "Trust in a venue's data.", "venue"), 1),
    ReadingKind.CLOCK_SKEW_MS: (_gauge("arbsite_clock_skew_seconds", "A venue's clock less ours.", "venue"), 1000),
    ReadingKind.DATABASE_SIZE_BYTES: (_gauge("arbsite_database_size_bytes", "Size of this mode's database."), 1),
    ReadingKind.DATABASE_SESSIONS: (_gauge("arbsite_database_sessions", "Sessions on this mode's database."), 1),
    ReadingKind.DISK_FREE_BYTES: (_gauge("arbsite_disk_free_bytes", "Room left where a folder lies.", "folder"), 1),
    ReadingKind.MEMORY_BYTES: (_gauge("arbsite_memory_bytes", "Resident memory, children included.", "name"), 1),
    ReadingKind.BACKUP_AGE_S: (_gauge("arbsite_backup_age_seconds", "Age of the newest verified backup."), 1),
}
UNREAD = _gauge("arbsite_readings_unread", "Parts that could not be read: always 1.", "part")
BREAKER_OPEN = _gauge("arbsite_breaker_open", "Whether a breaker stops opening orders.", "breaker")
GATE_ACTIVE = _gauge("arbsite_gate_active", "Whether the gate lets opening orders pass.")
STOP_FILE = _gauge("arbsite_stop_file_present", "Whether the stop file holds every opening order.")


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show this process's metrics."""
    return HttpResponse(generate_latest(metering.registry()), content_type=CONTENT_TYPE_LATEST)


def tell_of_the_system() -> None:
    """Tell of readings, breakers and the gate whenever this process is asked."""
    metering.watch("readings", _of_readings)
    metering.watch("risk", _of_risk)


def _of_readings() -> Iterator[Sample]:
    with _session_of_ours():
        found = readings.gather(settings.ARB.scope)
    for read in found.values:
        meter, units = OF_READING[read.kind]
        yield Sample(meter, read.value / units, (read.subject,) if meter.labels else ())
    yield from (Sample(UNREAD, 1, (part,)) for part in found.unread)


def _of_risk() -> Iterator[Sample]:
    with _session_of_ours():
        found = status(settings.ARB.scope, now=datetime.now(UTC))
    for breaker in found.breakers:
        yield Sample(BREAKER_OPEN, breaker.state == BreakerState.OPEN, (breaker.kind,))
    yield Sample(GATE_ACTIVE, found.gate == GateState.ACTIVE)
    yield Sample(STOP_FILE, found.stop_file)


@contextmanager
def _session_of_ours() -> Iterator[None]:
    """Leave no database session open: each question comes in a thread of its own."""
    try:
        yield
    finally:
        if not connection.in_atomic_block:
            connection.close()
