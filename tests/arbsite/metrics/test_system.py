"""The web process tells what has no voice of its own, and its page is for readers alone."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from arbsite.metrics import system
from domain.breakers import BreakerKind
from ops import collectors
from ops.metrics import REGISTRY
from ops.models import ReadingKind
from ops.services import canaries
from risk.services import trip
from tests.told import value_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(settings):
    system.tell_of_the_system()
    yield settings.ARB.scope
    collectors.register("readings", list)
    collectors.register("risk", list)


def test_every_kind_of_reading_has_a_gauge_in_the_unit_of_its_name():
    assert set(system.OF_READING) == set(ReadingKind)
    for kind, shown in system.OF_READING.items():
        assert shown.units == (1000 if kind.endswith("_ms") else 1)


def test_canaries_and_queues_are_told_by_queue(scope):
    canaries.seen("scan", scope=scope)
    assert value_of("arbsite_canary_age_seconds", queue="scan") < 5
    assert REGISTRY.get_sample_value("arbsite_queue_depth_messages", {"queue": "execution"}) is not None
    assert value_of("arbsite_outbox_age_seconds") == 0


def test_an_open_breaker_and_the_gate_are_told(scope):
    assert value_of("arbsite_gate_active") == 1
    assert value_of("arbsite_breaker_open", breaker="win_rate") == 0
    trip(BreakerKind.WIN_RATE, scope=scope, reason="test", now=datetime.now(UTC))
    assert value_of("arbsite_breaker_open", breaker="win_rate") == 1


def test_a_stranger_sees_no_metrics_and_a_reader_does(client, scope):
    assert client.get("/metrics").status_code == 302
    client.force_login(User.objects.create_superuser("reader"))
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert b"arbsite_gate_active 1.0" in answer.content
    assert client.post("/metrics").status_code in (403, 405)


def test_pages_are_counted_and_a_method_that_is_none_counts_as_other(client):
    before = value_of("arbsite_http_requests_total", method="GET", status="200")
    client.get("/healthz")
    client.generic("EVIL-METHOD", "/healthz")
    assert value_of("arbsite_http_requests_total", method="GET", status="200") == before + 1
    assert value_of("arbsite_http_requests_total", method="other", status="405") >= 1
