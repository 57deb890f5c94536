"""The admin: history is read, and switches ask for a reason and act on POST alone."""

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.urls import reverse

from domain.breakers import BreakerKind
from ops.models import OperatorAction
from risk.models import Breaker, Gate, Limit
from risk.services import record_outcome, trip
from tests.risk.samples import NOW, SCOPE, ask, report

pytestmark = pytest.mark.django_db

SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def ann(client):
    user = User.objects.create_superuser("ann", password="correct horse")
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["gate", "breaker", "breakerevent", "limit", "reservation", "outcome", "equitymark"])
def test_every_page_lists_and_shows_its_rows_and_adds_none(ann, model):
    ask(1)
    record_outcome(report(1), scope=SCOPE)
    trip(BreakerKind.DRAWDOWN, scope=SCOPE, reason="lost too much", now=NOW)

    listing = ann.get(reverse(f"admin:risk_{model}_changelist"))
    assert listing.status_code == 200
    row = listing.context["cl"].queryset[0]
    assert ann.get(reverse(f"admin:risk_{model}_change", args=[row.pk])).status_code == 200
    assert ann.get(reverse(f"admin:risk_{model}_add")).status_code == 403
    assert ann.post(reverse(f"admin:risk_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_halt_asks_for_a_reason_and_acts_on_post_alone(ann, stop_file):
    ask(1)
    url = reverse("admin:risk_gate_halt_trading")

    assert ann.get(url + "?reason=x&_form_submitted=True").status_code == 200
    assert ann.post(url, SUBMITTED | {"reason": ""}).status_code == 200
    assert not stop_file.exists()

    done = ann.post(url, SUBMITTED | {"reason": "odd fills"})

    assert done.headers["HX-Redirect"] == reverse("admin:risk_gate_changelist")
    assert stop_file.exists()
    assert Gate.objects.get().state == "halted"
    deed = OperatorAction.objects.get()
    assert (deed.actor, deed.action, deed.reason) == ("ann", "halt", "odd fills")

    ann.post(reverse("admin:risk_gate_resume_trading"), SUBMITTED | {"reason": "explained"})
    assert not stop_file.exists()
    assert Gate.objects.get().state == "active"


def test_a_breaker_is_recovered_and_all_are_reset_with_a_reason(ann):
    trip(BreakerKind.DRAWDOWN, scope=SCOPE, reason="lost too much", now=NOW)
    breaker = Breaker.objects.in_scope(SCOPE).get(kind="drawdown")
    url = reverse("admin:risk_breaker_recover_breaker", args=[breaker.pk])

    ann.get(url)
    breaker.refresh_from_db()
    assert breaker.state == "open"

    ann.post(url, SUBMITTED | {"reason": "accepted"})
    breaker.refresh_from_db()
    assert breaker.state == "half_open"

    ann.post(reverse("admin:risk_breaker_reset_all"), SUBMITTED | {"reason": "drill is over"})
    breaker.refresh_from_db()
    assert breaker.state == "closed"


def test_what_a_service_refuses_is_said_and_not_done(ann):
    ask(1)
    limit = Limit.objects.get(kind="max_trade_usd")
    url = reverse("admin:risk_limit_change_limit", args=[limit.pk])

    refused = ann.post(url, SUBMITTED | {"reason": "more", "value": "5000"})
    assert [str(message) for message in get_messages(refused.wsgi_request)] == [
        "max_trade_usd of 5000 is above the 1000 that the environment allows"
    ]
    limit.refresh_from_db()
    assert limit.value == 1000

    ann.post(url, SUBMITTED | {"reason": "first week", "value": "300"})
    limit.refresh_from_db()
    assert (limit.value, limit.actor) == (300, "ann")


def test_who_may_only_look_may_not_switch(client, stop_file):
    ask(1)
    user = User.objects.create_user("bob", password="correct horse", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_gate"))
    client.force_login(user)

    assert client.get(reverse("admin:risk_gate_changelist")).status_code == 200
    assert client.post(reverse("admin:risk_gate_halt_trading"), SUBMITTED | {"reason": "x"}).status_code == 403
    assert not stop_file.exists()
