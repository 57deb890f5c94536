"""Backups of the test database, taken whole through the server's own programs."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from arbsite.backups.create import Made, create
from arbsite.backups.loading import drop
from arbsite.backups.restore import Order
from arbsite.config import Arb
from domain.scope import Mode

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MODES = (Mode.DRY_RUN,)  # whose database bears the base name, which is the test database's


def arb_over(directory: Path) -> Arb:
    """Return settings under which the test database is the one to back up."""
    arb, name = settings.ARB, connection.settings_dict["NAME"]
    return replace(
        arb,
        database=replace(arb.database, base_name=name, name=name),
        backups=replace(arb.backups, directory=directory),
        models=replace(arb.models, directory=directory / "store"),
    )


def order(made: Made, **changes) -> Order:
    """Return the wish to restore a backup under another name."""
    wish = Order(made.manifest.name, f"{connection.settings_dict['NAME']}_back", MODES, False, "ann", "a drill")
    return replace(wish, **changes)


@pytest.fixture(scope="module")
def empty_backup(django_db_setup, django_db_blocker, tmp_path_factory) -> Made:
    """Return a backup of the database as migrations left it."""
    with django_db_blocker.unblock():
        return create(arb_over(tmp_path_factory.mktemp("backups")), now=NOW, modes=MODES)


@pytest.fixture
def backup(empty_backup, tmp_path) -> tuple[Arb, Made]:
    """Return that backup on a shelf of its own, to be spoilt at will, and the settings that name the shelf."""
    folder = tmp_path / empty_backup.manifest.name
    shutil.copytree(empty_backup.folder, folder)
    return arb_over(tmp_path), replace(empty_backup, folder=folder)


@pytest.fixture
def restored_name() -> Iterator[str]:
    """Return the name that is restored to, gone at the end."""
    name = f"{connection.settings_dict['NAME']}_back"
    yield name
    drop(settings.ARB.database, name)
