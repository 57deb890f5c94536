"""MLflow's page: a password always, none of our secrets in its environment, and it ends with its command."""

import base64
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from arbsite.embedded.ports import free_port, is_free, release, reserve
from arbsite.mlflow_page import page
from domain.errors import BadInput, Refused
from domain.secret import Secret

PATIENCE_S = 180


@pytest.fixture
def arb(settings, tmp_path):
    models = replace(settings.ARB.models, mlflow_uri=Secret(f"sqlite:///{tmp_path}/canary.db"), mlflow_password=None)
    settings.ARB = replace(settings.ARB, state_dir=tmp_path, models=models)
    return settings.ARB


def test_the_page_asks_for_a_generated_password_and_runs_one_worker_without_jobs_or_telemetry(arb, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "stray")
    process = page(arb, host="127.0.0.1", port=5000)
    environ = process.environ()
    assert {"--host=127.0.0.1", "--workers=1", "--app-name=basic-auth"} <= set(process.argv)
    assert environ["MLFLOW_AUTH_ADMIN_PASSWORD"] == (arb.state_dir / "secrets" / "mlflow_password").read_text()
    assert (environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"], environ["MLFLOW_DISABLE_TELEMETRY"]) == ("false", "true")
    assert "MLFLOW_EXPERIMENT_NAME" not in environ
    assert not {"DATABASE_URL", "REDIS_URL", "KRAKEN_API_KEY", "ARB_SECRET_KEY"} & environ.keys()


def test_no_password_stands_in_the_command_line_or_in_a_file_that_others_read(arb):
    process = page(arb, host="127.0.0.1", port=5000)
    assert "canary" not in " ".join(process.argv)
    assert (arb.state_dir / "mlflow" / "basic_auth.ini").stat().st_mode & 0o077 == 0


def test_a_configured_password_is_the_one_whatever_was_before(arb):
    users = arb.state_dir / "mlflow" / "users.db"
    users.parent.mkdir()
    users.write_text("who could look before")
    chosen = replace(arb, models=replace(arb.models, mlflow_password=Secret("chosen")))
    assert page(chosen, host="127.0.0.1", port=5000).environ()["MLFLOW_AUTH_ADMIN_PASSWORD"] == "chosen"
    assert not users.exists()


def test_a_store_that_is_a_server_has_its_own_page(arb):
    elsewhere = replace(arb, models=replace(arb.models, mlflow_uri=Secret("http://mlflow:5000")))
    with pytest.raises(Refused, match="a page of its own"):
        page(elsewhere, host="127.0.0.1", port=5000)


def test_a_store_of_another_kind_is_named(arb):
    odd = replace(arb, models=replace(arb.models, mlflow_uri=Secret("ftp://mlflow")))
    with pytest.raises(BadInput, match="no database of MLflow's"):
        page(odd, host="127.0.0.1", port=5000)


def test_a_port_in_use_is_refused_by_number(arb):
    port = reserve()
    try:
        with pytest.raises(BadInput, match=f"--port is {port}, but something listens"):
            call_command("mlflow", "--port", str(port), stdout=StringIO())
    finally:
        release(port)


def _status(address: str, login: str = "") -> int | None:
    asked = urllib.request.Request(address)
    if login:
        asked.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        return urllib.request.urlopen(asked, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.campaign
def test_the_served_page_opens_to_its_password_alone_and_ends_with_its_command(tmp_path):
    port = free_port()
    command = (sys.executable, "manage.py", "mlflow", "--port", str(port), "--json")
    environ = {"PATH": "/usr/bin:/bin", "ARB_ENV_FILE": "none", "ARB_STATE_DIR": str(tmp_path)}
    served = subprocess.Popen(command, cwd=django_settings.ARB.checkout, env=environ, stdout=subprocess.PIPE)
    try:
        told = json.loads(served.stdout.readline())
        deadline = time.monotonic() + PATIENCE_S
        while _status(told["address"]) is None and time.monotonic() < deadline:
            time.sleep(0.5)
        password = (tmp_path / "secrets" / "mlflow_password").read_text()
        logins = ("", "admin:password", "operator:wrong", f"operator:{password}")
        assert [_status(told["address"], login) for login in logins] == [401, 401, 401, 200]
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait()
    assert is_free(port)
