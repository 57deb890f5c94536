"""Alerts: stored, throttled, handed to the notifier, and never in the way of what they tell of."""

import pytest
from django.db import IntegrityError, connection, transaction

from domain.scope import Mode, Scope
from ops.models import Alert, Delivery, Outbox
from ops.services.alerts import THROTTLE, alert

SIM = Scope(Mode.SIM)
pytestmark = pytest.mark.django_db


def test_an_alert_is_stored_and_its_sending_goes_through_the_outbox():
    stored = alert("A breaker opened", "win rate 0.35 of 20", "error", key="breaker/win_rate", scope=SIM)
    row = Outbox.objects.get()
    assert (row.kind, row.row_id) == ("ops.notify", stored.pk)
    assert stored.delivery == Delivery.PENDING


def test_an_alert_of_a_replay_is_stored_but_calls_nobody():
    stored = alert("A breaker opened", "", "error", key="breaker/win_rate", scope=Scope(Mode.REPLAY, "r1"))
    assert stored.delivery == Delivery.NO_CHANNEL
    assert not Outbox.objects.exists()


def test_the_same_key_again_is_counted_and_not_sent_again():
    alert("A breaker opened", "", "error", key="breaker", scope=SIM)
    assert alert("A breaker opened", "", "error", key="breaker", scope=SIM) is None
    assert alert("Another", "", "error", key="other", scope=SIM) is not None
    assert Alert.objects.get(key="breaker").repeats == 1
    assert Outbox.objects.count() == 2


def test_the_throttle_ends_and_does_not_reach_across_scopes():
    alert("A breaker opened", "", "error", key="breaker", scope=SIM)
    assert alert("A breaker opened", "", "error", key="breaker", scope=Scope(Mode.REPLAY, "r1")) is not None
    old = Alert.objects.get(mode="sim")
    Alert.objects.filter(pk=old.pk).update(created_at=old.created_at - THROTTLE)
    assert alert("A breaker opened", "", "error", key="breaker", scope=SIM) is not None


def test_an_alert_that_cannot_be_stored_does_not_break_the_caller():
    with transaction.atomic():
        assert alert("No such level", "", "deafening", key="k", scope=SIM) is None
        assert alert("Too long a key", "", "error", key="k" * 500, scope=SIM) is None
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # the transaction is still sound
    assert Alert.objects.count() == 0


def test_a_stored_alert_holds_no_secret():
    stored = alert("Login failed", "api_key=abcdef123456 at https://u:pw123456@host/", "warning", key="k", scope=SIM)
    assert stored.body == "api_key=[redacted] at https://u:[redacted]@host/"


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"level": "loud"}, "alert_level_is_known"),
        ({"delivery": "lost"}, "alert_delivery_is_known"),
        ({"key": ""}, "alert_has_a_key"),
        ({"delivery": "failed"}, "alert_failure_is_explained"),
        ({"mode": "x"}, "ops_alert_mode_is_known"),
    ],
)
def test_the_database_refuses_an_alert_that_must_never_be(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        Alert.objects.create(**{"key": "k", "level": "info", "title": "t", "mode": "sim"} | fields)
