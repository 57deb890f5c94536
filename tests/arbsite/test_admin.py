"""The admin: every page opens, history is read-only, and the mode is on every page."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from arbsite.admin import environment_badge, sidebar
from domain.scope import Mode, Scope
from ops.models import Alert, OperatorAction
from ops.services import canaries
from ops.services.operators import record

pytestmark = pytest.mark.django_db
SIM = Scope(Mode.SIM)


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("operator", password="a long enough one")
    client.force_login(user)
    return client


def pages():
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", pages(), ids=lambda model: model._meta.label)
def test_every_page_opens(operator, model):
    address = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert operator.get(reverse(f"{address}_changelist")).status_code == 200
    assert operator.get(reverse(f"{address}_add")).status_code in (200, 403)


def test_an_empty_list_says_where_rows_may_be_and_offers_to_make_none(operator):
    page = operator.get(reverse("admin:ops_alert_changelist")).content.decode()
    assert "No row yet. Filters show other rows: a demo, a replay or a backtest is a run of its own." in page
    assert "Reset filters" not in page and "new item" not in page and "Add alert" not in page
    assert "No row fits what was asked for." in operator.get("/admin/ops/alert/?mode=replay").content.decode()


def test_the_first_page_shows_mode_queues_and_alerts(operator):
    canaries.seen("scan", scope=SIM)
    Alert.objects.create(key="k", level="error", title="A breaker opened", **SIM.columns)
    text = operator.get("/admin/").content.decode()
    for shown in ("sim", "never seen", "s ago", "A breaker opened", "Outbox rows waiting"):
        assert shown in text


def test_a_stop_file_is_said_on_the_first_page(operator, settings):
    settings.ARB.stop_file.touch()
    try:
        assert "Nothing is sent" in operator.get("/admin/").content.decode()
    finally:
        settings.ARB.stop_file.unlink()


def test_history_is_neither_added_to_nor_changed_nor_deleted(operator):
    deed = record("ann", "halt", "because", scope=SIM)
    change = reverse("admin:ops_operatoraction_change", args=[deed.pk])
    assert operator.get(change).status_code == 200
    assert operator.post(change, {"reason": "nothing"}).status_code == 403
    assert operator.post(reverse("admin:ops_operatoraction_delete", args=[deed.pk]), {"post": "yes"}).status_code == 403
    assert operator.get(reverse("admin:ops_operatoraction_add")).status_code == 403
    assert OperatorAction.objects.get().reason == "because"


def test_a_stranger_is_sent_to_the_login(client):
    answer = client.get("/admin/")
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


@pytest.mark.parametrize(
    ("mode", "colour"), [(Mode.SIM, "info"), (Mode.DRY_RUN, "success"), (Mode.LIVE, "danger"), (Mode.REPLAY, "primary")]
)
def test_the_badge_says_the_mode_in_its_colour(rf, settings, mode, colour):
    from dataclasses import replace

    settings.ARB = replace(settings.ARB, scope=Scope(mode))
    assert environment_badge(rf.get("/")) == [str(mode), colour]


def test_the_sidebar_holds_only_what_its_user_may_see(rf):
    request = rf.get("/admin/")
    request.user = User.objects.create_user("guest", is_staff=True)
    assert [section.get("title") for section in sidebar(request)] == [None]
    request.user = User.objects.create_superuser("operator")
    titles = [section.get("title") for section in sidebar(request)]
    assert {"Operations", "Schedule", "Access"} <= set(titles)
