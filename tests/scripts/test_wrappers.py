"""The Python scripts that the guide names: run as it prints them, whichever Python that is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["validate_models.py", "bootstrap_ml_models.py"])
def test_a_script_goes_on_with_the_checkouts_own_python(tmp_path, name):
    (tmp_path / "scripts").mkdir()
    script = Path(shutil.copy(CHECKOUT / "scripts" / name, tmp_path / "scripts"))
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "own python:" "$@"\n', encoding="utf-8")
    own.chmod(0o755)
    done = subprocess.run(
        [sys.executable, script, "--days", "7"], capture_output=True, text=True, cwd="/", check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"own python: {script} --days 7\n"), done.stderr
