"""What the set-up says of a Python that will not do: one line that names it, and exit 5."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path):
    """Return a checkout in a folder with a space, without an environment."""
    folder = tmp_path / "my code"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(CHECKOUT / "scripts" / "environment.sh", folder / "scripts")
    shutil.copy(CHECKOUT / "uv.lock", folder)
    return folder


def set_up(checkout: Path, python: Path | str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(checkout / "scripts" / "environment.sh")]
    environ = os.environ | {"PYTHON": str(python)}
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=60)


def script(folder: Path, body: str) -> Path:
    program = folder / "python-of-a-test"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_a_python_without_venv_is_told_the_package_to_install(bare, tmp_path):
    (tmp_path / "ensurepip.py").write_text("raise ImportError", encoding="utf-8")
    python = script(tmp_path, f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"')
    done = set_up(bare, python)
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert f"python3.{sys.version_info.minor}-venv" in done.stderr
    assert not (bare / ".venv").exists()


def test_a_python_that_is_too_old_is_named_with_its_version(bare, tmp_path):
    python = script(tmp_path, 'echo "Python 3.9.2"; [ "$1" = -V ]')
    done = set_up(bare, python)
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert f"{python} is Python 3.9.2" in done.stderr


def test_a_python_that_is_not_there_is_not_replaced_by_another(bare, tmp_path):
    done = set_up(bare, tmp_path / "nothing")
    assert (done.returncode, done.stderr) == (5, f"PYTHON is {tmp_path / 'nothing'}: there is no such program\n")
    assert not (bare / ".venv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_checkout_is_named(bare):
    bare.chmod(0o555)
    done = set_up(bare, sys.executable)
    bare.chmod(0o755)
    assert (done.returncode, done.stderr) == (5, f"{bare} is read-only: .venv cannot be made in it\n")
