"""What Grafana reports: stored once, at its level, told by the one notifier; strangers and nonsense are refused."""

import json
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbsite.pages import alert_hook
from arbsite.pages.alert_hook import hook_token, parse
from domain.errors import BadInput
from domain.scope import Mode, Scope
from domain.secret import Secret
from ops.models import Alert, Level, Outbox

TOKEN = "a-token-of-this-test-alone"
URL = "/hooks/grafana"


@pytest.fixture(autouse=True)
def token(settings) -> None:
    settings.ARB = replace(settings.ARB, dashboards=replace(settings.ARB.dashboards, hook_token=Secret(TOKEN)))


def reported(**changed) -> dict:
    """Return one alert as Grafana documents it."""
    return {
        "status": "firing",
        "labels": {"alertname": "Canary late", "severity": "error", "mode": "sim", "queue": "scan"},
        "annotations": {"summary": "The scan canary is late", "description": "Nobody consumes that queue."},
        "startsAt": "2026-03-12T09:51:03.157076Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:3000/alerting/grafana/arb-canary-late/view",
        "fingerprint": "c6eadffa33fcdf37",
        "silenceURL": "http://localhost:3000/alerting/silence/new",
        "dashboardURL": "",
        "panelURL": "",
        "values": {"B": 71.5, "C": 1},
    } | changed


def payload(*alerts: dict) -> dict:
    return {
        "receiver": "arbsite",
        "status": "firing",
        "orgId": 1,
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://localhost:3000/",
        "version": "1",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "title": "[FIRING:1]",
        "state": "alerting",
        "message": "**Firing**",
    }


def post(client, body, *, shown: str = f"Bearer {TOKEN}"):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(URL, data, content_type="application/json", headers={"Authorization": shown})


@pytest.mark.django_db
def test_a_firing_alert_is_stored_and_handed_to_the_notifier(client):
    answer = post(client, payload(reported()))
    assert (answer.status_code, answer.json()) == (200, {"stored": 1})
    stored = Alert.objects.get()
    assert (stored.title, stored.level, stored.scope) == ("The scan canary is late", Level.ERROR, Scope(Mode.SIM))
    assert stored.body.splitlines() == [
        "Canary late, firing since 2026-03-12T09:51:03.157076Z",
        "Nobody consumes that queue.",
        "B = 71.5, C = 1",
    ]
    assert Outbox.objects.get().kind == "ops.notify"
    assert Outbox.objects.get().row_id == stored.pk


@pytest.mark.django_db
def test_what_is_resolved_is_good_news_under_a_key_of_its_own(client):
    post(client, payload(reported(), reported(status="resolved")))
    firing, resolved = Alert.objects.order_by("id")
    assert (resolved.level, resolved.title) == (Level.INFO, "Resolved: The scan canary is late")
    assert firing.key == "grafana/Canary late/c6eadffa33fcdf37/firing"
    assert resolved.key == "grafana/Canary late/c6eadffa33fcdf37/resolved"


@pytest.mark.django_db
def test_the_same_alert_again_is_counted_and_not_told_twice(client):
    answers = [post(client, payload(reported())).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert Alert.objects.get().repeats == 2


@pytest.mark.django_db
def test_a_rule_whose_query_failed_is_named_by_its_rule(client):
    labels = {"alertname": "DatasourceError", "rulename": "Gas share high", "datasource_uid": "arbsite"}
    post(client, payload(reported(labels=labels, annotations={}, values=None)))
    stored = Alert.objects.get()
    assert (stored.title, stored.level) == ("Gas share high", Level.WARNING)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ours", "told", "stored"), [("dry_run", "live", "live"), ("dry_run", "sim", "dry_run"), ("sim", "?", "sim")]
)
def test_an_alert_belongs_to_the_mode_it_names_where_that_lies_in_this_database(client, settings, ours, told, stored):
    settings.ARB = replace(settings.ARB, scope=Scope(Mode(ours)))
    post(client, payload(reported(labels={"alertname": "Negative P&L", "mode": told})))
    assert Alert.objects.get().mode == stored


@pytest.mark.django_db
def test_secrets_and_control_characters_do_not_reach_the_row(client):
    summary = "lost\x00 it\x1b[31m, password=hunter2hunter2 \ud800"
    post(client, payload(reported(annotations={"summary": summary, "description": "x" * 9000})))
    stored = Alert.objects.get()
    assert stored.title == "lost  it [31m, password=[redacted] ?"
    assert len(stored.body) <= 2000


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"])
def test_who_does_not_show_the_token_is_refused_before_the_body_is_read(client, shown):
    answer = post(client, payload(reported()), shown=shown)
    assert answer.status_code == 401
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        ("[]", "the body holds no list of alerts"),
        ({"alerts": []}, "the body holds no list of alerts"),
        ({"alerts": [None]}, "alert 1 is neither firing nor resolved"),
        (payload(reported(), reported(status="pending")), "alert 2 is neither firing nor resolved"),
        (payload(reported(labels={})), "alert 1 has no alertname or no fingerprint"),
        (payload(reported(fingerprint="a/b")), "alert 1 has no alertname or no fingerprint"),
        (payload(*[reported()] * 101), "the body holds 101 alerts; the most is 100"),
    ],
)
def test_what_is_no_report_of_alerts_is_refused_in_a_sentence(client, body, said):
    answer = post(client, body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})


def test_a_body_beyond_all_measure_is_not_read(client):
    assert post(client, b" " * (alert_hook.LARGEST_BODY_BYTES + 1)).status_code == 413


def test_it_is_told_to_and_never_asked(client):
    assert client.get(URL, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


@pytest.mark.django_db
def test_what_cannot_be_stored_is_asked_for_again(client, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr("ops.services.alerts._store", fail)
    answer = post(client, payload(reported()))
    assert answer.status_code == 503
    assert "send them again" in answer.json()["error"]


def test_without_a_configured_token_one_is_generated_and_kept(settings, tmp_path):
    unset = replace(settings.ARB.dashboards, hook_token=None)
    settings.ARB = replace(settings.ARB, dashboards=unset, state_dir=tmp_path)
    first = hook_token().reveal()
    assert len(first) >= 32
    assert hook_token().reveal() == first
    assert (tmp_path / "secrets" / "hook_token").stat().st_mode & 0o777 == 0o600


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@hypothesis_settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*reported()]), json_values, max_size=4))
def test_whatever_an_alert_holds_it_is_read_or_refused(changed):
    try:
        (found,) = parse(json.dumps(payload(reported(**changed))).encode())
    except BadInput:
        return
    assert len(found.key) <= 150
    assert found.level in Level.values
    assert "\x00" not in found.title + found.body


@pytest.mark.django_db(transaction=True)
def test_over_http_it_answers_as_grafana_expects(live_server):
    def send(shown: str) -> tuple[int, dict]:
        headers = {"Authorization": shown, "Content-Type": "application/json", "User-Agent": "Grafana"}
        request = urllib.request.Request(live_server.url + URL, json.dumps(payload(reported())).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    assert send(f"Bearer {TOKEN}") == (200, {"stored": 1})
    assert send("Bearer stranger")[0] == 401
    assert Alert.objects.get().title == "The scan canary is late"
