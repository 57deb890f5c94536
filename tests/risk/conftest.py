"""A stop file of its own for every test."""

from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def stop_file(settings, tmp_path) -> Path:
    path = tmp_path / "stop" / "STOP"
    settings.ARB = replace(settings.ARB, stop_file=path)
    return path
