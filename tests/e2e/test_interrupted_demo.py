"""A demo that is interrupted ends well, and the feed that its workers traded on settles the same set in a replay.

Its stream records what it sees while its workers trade on it; the delay is one setting for both.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from arbsite.demo.plan import SHOW_SETTINGS
from arbsite.embedded import acquire
from domain.scope import Mode
from tests.e2e.running import CHECKOUT, RunningDemo, answer, assert_sound, environ, lend_chain

LEFT_OUT = timedelta(seconds=5)  # what was decided this shortly before the end may not even have begun
TOO_BUSY = ("not_begun_in_time", "stale")  # our own machine was late to send; a replay has no machine

# How much is under way when a decision is taken depends on how busy our machine is: no limit is to bind.
LIMITS = {"ARB_MAX_OPEN_EXECUTIONS": "1000", "ARB_MAX_EXPOSURE_USD": "1000000", "ARB_DAILY_LOSS_USD": "100000"}

SETTLED = """
import json
from trading.models import Execution, Fill
fills = {}
for fill in Fill.objects.order_by("order__leg", "order__attempt", "id").select_related("order"):
    fills.setdefault(fill.order.execution_id, []).append([fill.order.side, str(fill.quantity), str(fill.price), str(fill.fee)])
rows = Execution.objects.filter(run_id="%s").order_by("decided_at", "route_key")
print(json.dumps([[row.decided_at.isoformat(), row.route_key, row.state, row.settled_at is not None, row.reason, str(row.net_quote), fills.get(row.pk, [])] for row in rows]))
"""


# What the workers settled that can be held against the replay, so far.
COMPARABLE = """
WITH ours AS (SELECT decided_at, settled_at IS NULL OR reason ~ %(too_busy)s AS is_no_match FROM trading_execution)
SELECT count(*) FROM ours
WHERE decided_at <= (SELECT max(decided_at) FROM ours) - %(left_out)s
  AND decided_at NOT IN (SELECT decided_at FROM ours WHERE is_no_match)
"""
ENOUGH = 5


class Settled(NamedTuple):
    """How an execution ended, digit for digit, or that it had not."""

    decided_at: datetime
    route_key: str
    state: str
    is_over: bool
    reason: str
    net_quote: str
    fills: tuple[tuple[str, ...], ...]


def settled(state_dir: Path, mode: str, run_id: str) -> set[Settled]:
    """Return every execution of a run, read by a process of the mode's own."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", SETTLED % run_id],
        cwd=CHECKOUT,
        env=environ(state_dir, ARB_MODE=mode),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        Settled(datetime.fromisoformat(at), route, state, is_over, reason, net, tuple(tuple(fill) for fill in fills))
        for at, route, state, is_over, reason, net, fills in json.loads(done.stdout)
    }


pytestmark = pytest.mark.timeout(400)


class Ended(NamedTuple):
    """A demo that was interrupted: its exit code, its summary, and what it left running."""

    state_dir: Path
    code: int
    summary: dict[str, Any]
    left: list[str]


@pytest.fixture(scope="module")
def interrupted() -> Iterator[Ended]:
    with tempfile.TemporaryDirectory(prefix="arbsite-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o711)  # as root the servers run as another account
        state_dir = Path(name) / "state"
        lend_chain(state_dir)
        demo = RunningDemo(state_dir, "--forever", "--no-incident", "--seed", "11", ARB_RECORD="yes", **LIMITS)
        try:
            demo.wait_for(r"pools: ([1-9]\d* swaps|no chain)", within_s=200)
            demo.wait_for(r"[1-9]\d* executed", within_s=200)
            wait_for_enough(state_dir)
            demo.process.send_signal(signal.SIGINT)
            code, summary = demo.finish()
            yield Ended(demo.state_dir, code, summary, demo.pids_left())
        finally:
            demo.end()


def wait_for_enough(state_dir: Path, *, within_s: float = 200) -> None:
    """Wait until the demo's workers have settled enough, which takes a slow machine longer."""
    given = {"too_busy": f"({'|'.join(TOO_BUSY)})$", "left_out": LEFT_OUT}
    deadline_s = time.monotonic() + within_s
    with acquire(state_dir) as lease, psycopg.connect(lease.database_url(Mode.SIM), autocommit=True) as beside:
        while beside.execute(COMPARABLE, given).fetchone() < (ENOUGH,):
            assert time.monotonic() < deadline_s
            time.sleep(0.5)


def test_an_interrupted_demo_has_traded_sums_up_and_leaves_nothing_running(interrupted):
    assert interrupted.code == 130
    assert (interrupted.summary["interrupted_by"], interrupted.summary["seed"]) == ("SIGINT", 11)
    assert_sound(interrupted.summary)
    assert interrupted.summary["chain"]["swaps"] > 0 or not interrupted.summary["chain"]["present"]
    assert not interrupted.left


def test_workers_and_replay_settle_the_same_set(interrupted):
    state_dir = interrupted.state_dir
    run = answer(state_dir, "replay", "--recording", "--recorded-in", "sim", **SHOW_SETTINGS, **LIMITS)
    ours = settled(state_dir, "sim", interrupted.summary["run_id"])
    replayed = settled(state_dir, "replay", run["run"])

    until = max(one.decided_at for one in ours) - LEFT_OUT
    late = {one.decided_at for one in ours if one.reason.endswith(TOO_BUSY)}
    broken_off = {one.decided_at for one in ours if not one.is_over}  # with the demo: many on a busy machine
    by_workers, by_replay = (
        {one for one in found if one.decided_at <= until and one.decided_at not in late | broken_off}
        for found in (ours, replayed)
    )
    assert all(one.is_over for one in replayed)
    assert len(by_workers) >= ENOUGH
    assert by_workers == by_replay, sorted(by_workers ^ by_replay)
