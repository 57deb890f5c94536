"""What trades and what shows pages never imports what trains models or speaks to MLflow, nor LightGBM's package."""

import subprocess
import sys

import pytest

from tests.e2e.running import CHECKOUT

HEAVY = ("lightgbm", "sklearn", "pandas", "scipy", "mlflow", "matplotlib")

SCRIPT = """
import sys
from arbsite import config
config.name_settings_module()
{script}
print("imported", sorted(name for name in {heavy!r} if name in sys.modules))
"""
WORKER = "from arbsite.celery import app; app.loader.import_default_modules(); assert {tasks!r} <= set(app.tasks)"
STREAM = "import django; django.setup(); import trading.services.stream.run"


@pytest.mark.parametrize(
    "script",
    [
        WORKER.format(tasks={"trading.execution_step", "trading.scan"}),  # each worker imports the tasks of all
        STREAM,
        "import arbsite.wsgi; from django.contrib import admin; admin.autodiscover(); from arbsite import urls",
    ],
    ids=["worker", "stream", "web"],
)
def test_a_process_imports_nothing_that_trains(script):
    whole = SCRIPT.format(script=script, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", whole], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported []"
