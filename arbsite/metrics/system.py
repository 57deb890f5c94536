"""What the web process tells beside its own: how every part is that has no voice, from the same readings as beat's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from arbsite.metrics import readings
from arbsite.metrics.readings import Readings
from domain.breakers import BreakerState
from ops import collectors, metrics
from ops.models import ReadingKind
from risk.models import GateState
from risk.services import Status, status


class Shown(NamedTuple):
    """The gauge that a kind of reading becomes."""

    name: str
    about: str
    label: str = ""  # what the reading's subject is
    units: float = 1  # how many of the reading's unit make one of the gauge's


OF_READING = {
    ReadingKind.QUEUE_DEPTH_MESSAGES: Shown("arbsite_queue_depth_messages", "Messages that wait.", "queue"),
    ReadingKind.QUEUE_DELAY_MS: Shown("arbsite_queue_delay_seconds", "Wait of the last canary.", "queue", 1000),
    ReadingKind.CANARY_AGE_S: Shown("arbsite_canary_age_seconds", "Age of the last canary.", "queue"),
    ReadingKind.OUTBOX_AGE_S: Shown("arbsite_outbox_age_seconds", "Age of the oldest row due and not sent."),
    ReadingKind.DATA_AGE_MS: Shown("arbsite_data_age_seconds", "Age of the youngest book or pool.", "venue", 1000),
    ReadingKind.VENUE_HEALTH_SHARE: Shown("arbsite_data_health_ratio", "Trust in a venue's data.", "venue"),
    ReadingKind.CLOCK_SKEW_MS: Shown("arbsite_clock_skew_seconds", "A venue's clock less ours.", "venue", 1000),
    ReadingKind.DATABASE_SIZE_BYTES: Shown("arbsite_database_size_bytes", "Size of this mode's database."),
    ReadingKind.DATABASE_SESSIONS: Shown("arbsite_database_sessions", "Sessions on this mode's database."),
    ReadingKind.DISK_FREE_BYTES: Shown("arbsite_disk_free_bytes", "Room left where a folder lies.", "folder"),
    ReadingKind.MEMORY_BYTES: Shown("arbsite_memory_bytes", "Resident memory, children included.", "name"),
    ReadingKind.BACKUP_AGE_S: Shown("arbsite_backup_age_seconds", "Age of the newest verified backup."),
}


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show this process's metrics."""
    return HttpResponse(generate_latest(metrics.REGISTRY), content_type=CONTENT_TYPE_LATEST)


def tell_of_the_system() -> None:
    """Tell of readings, breakers and the gate whenever this process is asked."""
    collectors.register("readings", _readings_now)
    collectors.register("risk", _risk_now)


def of_readings(found: Readings) -> list[Metric]:
    """Return a gauge for each kind of reading, and one for what could not be read."""
    gauges = {
        kind: GaugeMetricFamily(shown.name, shown.about, labels=[shown.label] if shown.label else [])
        for kind, shown in OF_READING.items()
    }
    for kind, subject, value in found.values:
        gauges[kind].add_metric([subject] if OF_READING[kind].label else [], value / OF_READING[kind].units)
    unread = GaugeMetricFamily("arbsite_readings_unread", "Parts that could not be read: always 1.", labels=["part"])
    for part in found.unread:
        unread.add_metric([part], 1)
    return [*gauges.values(), unread]


def of_risk(found: Status) -> list[Metric]:
    """Return a gauge for each breaker, for the gate and for the stop file."""
    is_open = GaugeMetricFamily("arbsite_breaker_open", "Whether a breaker stops opening orders.", labels=["breaker"])
    for breaker in found.breakers:
        is_open.add_metric([breaker.kind], breaker.state == BreakerState.OPEN)
    is_active, is_stopped = found.gate == GateState.ACTIVE, found.stop_file
    return [
        is_open,
        GaugeMetricFamily("arbsite_gate_active", "Whether the gate lets opening orders pass.", is_active),
        GaugeMetricFamily("arbsite_stop_file_present", "Whether the stop file holds every opening order.", is_stopped),
    ]


def _readings_now() -> list[Metric]:
    with _session_of_ours():
        return of_readings(readings.gather(settings.ARB.scope))


def _risk_now() -> list[Metric]:
    with _session_of_ours():
        return of_risk(status(settings.ARB.scope, now=datetime.now(UTC)))


@contextmanager
def _session_of_ours() -> Iterator[None]:
    """Leave no database session open: each question comes in a thread of its own."""
    try:
        yield
    finally:
        if not connection.in_atomic_block:
            connection.close()
