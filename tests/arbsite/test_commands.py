"""setup, doctor and show_config, as a person or a script calls them."""

import json
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from arbsite import config, diagnosis
from arbsite.config.variables import VARIABLES
from arbsite.diagnosis import Finding, Verdict
from arbsite.first_user import ensure_first_user
from arbsite.management.commands.doctor import exit_code


def _json_of(command: str) -> dict:
    out = StringIO()
    call_command(command, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_show_config_masks_secrets_and_says_where_values_come_from():
    shown = _json_of("show_config")
    assert set(shown["variables"]) == set(VARIABLES)
    assert shown["variables"]["REDIS_URL"] == {"value": "***", "origin": "environment"}
    assert shown["variables"]["ARB_BREAKER_WINDOW"] == {"value": "20", "origin": "default"}
    assert config.current().database.password.reveal() not in json.dumps(shown)


def test_doctor_finds_both_servers_well():
    found = {finding.part: finding.verdict for finding in diagnosis.diagnose()}
    assert found["database"] == found["redis"] == found["python"] == Verdict.OK


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [((Verdict.OK, Verdict.NOTE), 0), ((Verdict.FAULT, Verdict.OK), 3), ((Verdict.FAULT, Verdict.DOWN), 5)],
)
def test_doctors_exit_code_tells_the_worst(verdicts, code):
    assert exit_code([Finding("part", verdict, "") for verdict in verdicts]) == code


@pytest.mark.django_db
def test_the_first_user_is_made_once_and_keeps_a_changed_password():
    made = ensure_first_user(config.current())
    assert made.is_new and made.password_file.stat().st_mode & 0o077 == 0
    user = get_user_model().objects.get(username=made.name)
    assert user.is_superuser and user.check_password(made.password.reveal())
    user.set_password("changed by a person")
    user.save()
    assert not ensure_first_user(config.current()).is_new
    assert get_user_model().objects.get(username=made.name).check_password("changed by a person")
