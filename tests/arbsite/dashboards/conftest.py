"""The files as they are shipped, and the role that reads for them."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from arbsite.dashboards import files
from arbsite.dashboards.parts import Files
from arbsite.dashboards.role import ensure_role

GRAFANA = django_settings.ARB.checkout / "grafana"


@pytest.fixture(scope="session")
def shipped() -> Files:
    return files.read(GRAFANA)


@pytest.fixture
def copied(tmp_path) -> Path:
    """Return a copy of the files that a test may spoil."""
    return shutil.copytree(GRAFANA, tmp_path / "grafana")


@pytest.fixture
def role(db) -> str:
    user = django_settings.ARB.dashboards.user
    ensure_role(connection, user=user, password=None)
    return user
