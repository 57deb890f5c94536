"""Canaries: a queue without one is not fresh, and neither is one whose last came long ago."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from domain.scope import Mode, Scope
from ops.models import Canary
from ops.services import canaries

SIM = Scope(Mode.SIM)
pytestmark = pytest.mark.django_db


def sign_of(queue: str, *, after_s: float = 0) -> canaries.Sign:
    now = timezone.now() + timedelta(seconds=after_s)
    return next(sign for sign in canaries.signs(scope=SIM, now=now) if sign.queue == queue)


def test_every_queue_and_beat_has_a_sign_seen_or_not():
    signs = canaries.signs(scope=SIM, now=datetime.now(UTC))
    assert [sign.queue for sign in signs] == ["execution", "scan", "account", "ml", "beat"]
    assert not any(sign.is_fresh for sign in signs)


def test_a_queue_is_fresh_until_three_periods_have_passed():
    canaries.seen("scan", scope=SIM, sent_at=timezone.now() - timedelta(seconds=2))
    assert sign_of("scan").is_fresh
    assert 1900 < sign_of("scan").delay_ms < 60_000
    assert not sign_of("scan", after_s=canaries.STALE_AFTER_S + 1).is_fresh


def test_signs_are_counted_in_one_row_per_queue_and_scope():
    canaries.seen("scan", scope=SIM)
    canaries.seen("scan", scope=SIM)
    canaries.seen("scan", scope=Scope(Mode.DRY_RUN))
    assert Canary.objects.in_scope(SIM).get().consumed == 2


def test_a_sender_whose_clock_runs_ahead_is_borne():
    canaries.seen("scan", scope=SIM, sent_at=timezone.now() + timedelta(hours=1))
    assert sign_of("scan").delay_ms >= 0


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"queue": ""}, "canary_queue_is_named"),
        ({"queue": "ml"}, "canary_is_one_per_queue"),
        ({"consumed_at": "2020-01-01T00:00:00Z"}, "canary_is_not_consumed_before_it_is_sent"),
        ({"mode": "x"}, "ops_canary_mode_is_known"),
    ],
)
def test_the_database_refuses_a_canary_that_must_never_be(fields, constraint):
    canaries.seen("ml", scope=SIM)
    now = timezone.now()
    with pytest.raises(IntegrityError, match=constraint):
        Canary.objects.create(**{"queue": "scan", "sent_at": now, "consumed_at": now, "mode": "sim"} | fields)
