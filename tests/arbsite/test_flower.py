"""Flower: however it is started, it asks for a login before it shows anything."""

import base64
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from django.conf import settings

from arbsite.embedded.ports import free_port
from arbsite.processes import flower_login

PATIENCE_S = 60


@pytest.fixture(scope="module")
def flower():
    """Start Flower by hand, without the environment that our process table gives it."""
    port = free_port(0)
    command = (
        sys.executable,
        "-m",
        "celery",
        "--app=arbsite.celery",
        "flower",
        "--address=127.0.0.1",
        f"--port={port}",
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    process = subprocess.Popen(command, cwd=settings.ARB.checkout, env=environ, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def status_of(address: str, login: str = "") -> int:
    request = urllib.request.Request(address)
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return urllib.request.urlopen(request, timeout=PATIENCE_S).status
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("page", ["/", "/tasks", "/tasks/datatable", "/api/tasks", "/api/workers", "/task/x"])
def test_no_page_opens_without_a_login(flower, page):
    assert status_of(flower + page) == 401


def test_a_wrong_password_is_refused_and_the_right_one_taken(flower):
    assert status_of(flower + "/tasks", "operator:wrong") == 401
    assert status_of(flower + "/tasks", flower_login(settings.ARB)) == 200
