"""A promotion, a rollback and a spoilt file, as the running processes of a demo see them."""

import json
import signal
import subprocess
import sys

import pytest

from tests.e2e.running import CHECKOUT, RunningDemo, environ

SEEN_WITHIN_S = 10

SCRIPT = """
import json, shutil, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from django.conf import settings
from domain.scores import ModelName
from mlops.models import ModelVersion, ServedModel
from mlops.services import promote, register, rollback
from mlops.services.promotion import suspend
from mlops.training import Trained
from tests.mlops.serving.bundles import bundle_of, guard_of
from trading.models import Opportunity

scope, model, told = settings.ARB.scope, ModelName.PROFIT, {}


def registered(seed):
    bundle = bundle_of(model, seed=seed, guard=guard_of(limit=11.0))
    span = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC)
    made = Trained(bundle=bundle, metrics={}, has_skill=True, why="", data_from=span[0], data_to=span[1],
                   n_samples=400, n_executed=100)
    return register(made, scope=scope, seed=seed, is_synthetic=True, now=datetime.now(UTC))


def move(do, **told):
    do(model, scope=scope, actor="ann", reason="to see it followed", now=datetime.now(UTC), **told)


def seen(name, tag, says=""):
    begun = time.monotonic()
    while True:
        rows = ServedModel.objects.in_scope(scope).filter(model_name=model.value, alias="champion")
        found = {row.process: (row.tag, row.abstains) for row in rows}
        right = [process for process, (served, why) in found.items()
                 if served == tag and (why.startswith(says) if says else not why)]
        if {"stream", "scan"} <= set(right):
            break
        assert time.monotonic() < begun + 60, (name, found)
        time.sleep(0.05)
    told[name] = round(time.monotonic() - begun, 2)


first = registered(1)
seen("first champion", first.tag)
second = registered(2)
assert second.tag != first.tag
move(promote, tag=second.tag)
seen("promotion", second.tag)
begun = datetime.now(UTC)
while not Opportunity.objects.in_scope(scope).filter(
    timestamp__gte=begun, scores__versions__contains=[[model.value, second.tag]]
).exists():
    assert datetime.now(UTC) < begun + timedelta(seconds=60), Opportunity.objects.in_scope(scope).last().scores
    time.sleep(0.1)
move(rollback)
seen("rollback", first.tag)
suspend(model, "it lost to the rule", scope=scope, now=datetime.now(UTC))
seen("suspension", first.tag, "suspended")
move(promote, tag=second.tag)
seen("promotion after it", second.tag)
folder = Path(settings.ARB.models.directory, second.file_hash)
path = folder / "mean.txt"
path.write_bytes(path.read_bytes().replace(b"num_leaves=7", b"num_leaves=6", 1))
seen("changed byte", second.tag, "tampered")
shutil.rmtree(folder)
seen("deleted store", second.tag, "missing")
begun = datetime.now(UTC)
while not (latest := Opportunity.objects.in_scope(scope).filter(timestamp__gte=begun).last()):
    assert datetime.now(UTC) < begun + timedelta(seconds=60)
    time.sleep(0.1)
print(json.dumps({"seconds": told, "scores": latest.scores}))
"""


@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_every_process_follows_within_ten_seconds_and_trading_goes_on(start):
    demo = start("--forever", "--no-incident")
    demo.wait_for(r"[1-9]\d* executed", within_s=200)
    found = tried_on(demo)
    print("seconds until stream and scan followed:", found["seconds"])
    assert max(found["seconds"].values()) < SEEN_WITHIN_S, found["seconds"]
    assert "missing" in json.dumps(found["scores"])
    demo.process.send_signal(signal.SIGINT)
    code, summary = demo.finish()
    assert code == 130
    assert summary["unexpected_errors"] == 0, summary["first_unexpected_errors"]


def tried_on(demo: RunningDemo) -> dict:
    """Do it all in a process beside the demo, and return what it saw."""
    beside = next(line for line in demo.lines if line.startswith("beside"))
    settings_file = beside.split("ARB_ENV_FILE=")[1].split()[0]
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", SCRIPT],
        cwd=CHECKOUT,
        env=environ(demo.state_dir, ARB_ENV_FILE=settings_file),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])
