"""Two streams and two scan workers, as up starts them: each market is handled once, whatever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import CHECKOUT, environ

PAIRS = "BTC/USD,ETH/USD,SOL/USD,LTC/USD,AVAX/USD,ETH/USDC"
SETTINGS = {"ARB_MODE": "sim", "ARB_PARTITIONS": "2", "ARB_PAIRS": PAIRS, "ARB_FEES": "kraken=25/40,alpaca=15/25"}
FIRST, SECOND = {"BTC/USD", "SOL/USD", "AVAX/USD"}, {"ETH/USD", "LTC/USD", "ETH/USDC"}
EVERY_S = 10  # from one snapshot of a market to the next
UNHEARD_S = 60  # a server is awaited and begun anew, and every process connects again

TOLD = """
import json
from collections import Counter
from django.conf import settings
from django.db import connection
from redis import Redis
from mlops.models import Sample, ServedModel
from trading.marketdata.keys import board_key
from trading.marketdata.venue_board import VenueBoard
from trading.models import EdgeObservation, Execution, FillObservation, MarketSnapshot, Opportunity

scope = settings.ARB.scope
seen = {}
for venue, symbol, at in MarketSnapshot.objects.order_by("timestamp").values_list("venue", "symbol", "timestamp"):
    seen.setdefault(f"{venue} {symbol}", []).append(at.timestamp())
with connection.cursor() as cursor:
    cursor.execute("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'arbsite watches %'")
    watches = sorted(row[0] for row in cursor.fetchall())
client = Redis.from_url(settings.ARB.redis_url)
print(json.dumps({
    "snapshots": seen,
    "settled": dict(Counter(Execution.objects.filter(state="settled").values_list("symbol", flat=True))),
    "opportunities": dict(Counter(Opportunity.objects.values_list("symbol", flat=True))),
    "unseen": FillObservation.objects.filter(observed_at__isnull=True, order__closed_at__isnull=False).count(),
    "looks": max(Counter(EdgeObservation.objects.values_list("opportunity_id", "offset_ms")).values(), default=0),
    "samples": max(Counter(Sample.objects.values_list("route_key", "timestamp")).values(), default=0),
    "served": sorted(set(ServedModel.objects.values_list("process", flat=True))),
    "watches": watches,
    "boards": [client.exists(board_key(scope, one)) for one in (None, 1, 2)],
    "venues": sorted(line.venue for line in VenueBoard(client, scope, partitions=2).lines()),
}))
"""


class Running:
    """``manage.py up`` on a state folder of its own."""

    def __init__(self, state_dir: Path) -> None:
        self.env = environ(state_dir, **SETTINGS)
        self.logs = state_dir / "logs"
        command = [sys.executable, "manage.py", "up", "--json"]
        self.up = subprocess.Popen(
            command, cwd=CHECKOUT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it."""
        argv = [sys.executable, "manage.py", *command]
        return subprocess.run(
            argv, cwd=CHECKOUT, env=self.env | variables, capture_output=True, text=True, check=False, timeout=120
        )

    def told(self) -> dict[str, Any]:
        """Return what rows and Redis say now."""
        done = self.ask("shell", "--no-imports", "-c", TOLD)
        assert done.returncode == 0, done.stderr
        restarted = [name for name in ("stream-1", "stream-2") if len(self.pids(name)) > 1]
        return json.loads(done.stdout.splitlines()[-1]) | {"restarted": restarted}

    def told_once(self, is_so: Any, *, within_s: float = 150) -> dict[str, Any]:
        """Return what is said as soon as it is so."""
        until_s = time.monotonic() + within_s
        while not is_so(told := self.told()):
            assert time.monotonic() < until_s and self.up.poll() is None, told
            time.sleep(2)
        return told

    def server_pid(self, file: str) -> int:
        """Return the pid of the server that keeps it in ``file``."""
        return int(next(self.logs.parent.rglob(file)).read_text().split()[0])

    def pids(self, name: str) -> list[int]:
        """Return the pids that a process has had, the present one last."""
        log = self.logs / "supervisor.log"
        events = map(json.loads, log.read_text().splitlines() if log.exists() else ())
        return [one["pid"] for one in events if one["process"] == name and one["event"].endswith("started")]


@pytest.fixture
def running(public_folder) -> Iterator[Running]:
    state_dir = public_folder / "state"
    state_dir.mkdir(mode=0o711)
    started = Running(state_dir)
    yield started
    if started.up.poll() is None:
        started.up.terminate()
        started.up.wait(60)


def gaps(instants: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(instants)]


def has_traded(told: dict[str, Any]) -> bool:
    is_on_time = len(told["snapshots"]) == 12 and min(map(len, told["snapshots"].values())) >= 4
    return is_on_time and bool(FIRST & set(told["settled"])) and bool(SECOND & set(told["settled"]))


@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_two_streams_and_two_scan_workers_handle_each_market_once(running):
    told = running.told_once(lambda told: has_traded(told) and len(told["served"]) == 4)
    assert told["served"] == ["scan-1", "scan-2", "stream-1", "stream-2"]
    assert told["watches"] == [f"arbsite watches partition {one} of 2" for one in (1, 2)]
    assert (told["boards"], told["venues"]) == ([0, 1, 1], ["alpaca", "kraken"])
    handled_once(told)

    for more, why in (({"ARB_PARTITION": "2"}, "another process watches partition 2 of 2"), ({}, "beside partition 1")):
        done = running.ask("stream", **more)
        assert done.returncode == 4 and why in done.stderr, done.stderr

    os.kill(running.pids("stream-2")[-1], signal.SIGKILL)
    count = {market: len(at) for market, at in told["snapshots"].items()}
    later = running.told_once(
        lambda told: all(len(at) >= count[market] + 4 for market, at in told["snapshots"].items())
    )
    handled_once(later)
    untouched = [gap for market, at in later["snapshots"].items() if market.split()[1] in FIRST for gap in gaps(at)]
    assert max(untouched) < EVERY_S + 3
    assert len(running.pids("stream-2")) == 2 and len(running.pids("stream-1")) == 1

    running.up.terminate()
    out, _ = running.up.communicate(timeout=60)
    assert json.loads(out)["restarts"] == {"stream-2": 1}


@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_a_frozen_redis_and_a_database_that_goes_away_hand_no_market_to_two_or_to_nobody(running):
    told = running.told_once(lambda told: len(told["snapshots"]) == 12 and len(told["watches"]) == 2)
    redis = running.server_pid("valkey.pid")
    os.kill(redis, signal.SIGSTOP)
    time.sleep(15)
    os.kill(redis, signal.SIGCONT)
    os.kill(running.server_pid("postmaster.pid"), signal.SIGKILL)
    time.sleep(20)
    count = {market: len(at) for market, at in told["snapshots"].items()}
    later = running.told_once(
        lambda told: all(len(at) >= count[market] + 4 for market, at in told["snapshots"].items())
    )
    handled_once(later, late=2)
    assert later["watches"] == [f"arbsite watches partition {one} of 2" for one in (1, 2)]
    assert max(gap for at in later["snapshots"].values() for gap in gaps(at)) < UNHEARD_S


def handled_once(told: dict[str, Any], *, late: int = 0) -> None:
    """Two that followed one market would each take their snapshots; one that was begun anew takes one at once.

    What came ``late`` so often was each time followed by the next one sooner.
    """
    short = {market: sum(gap < EVERY_S - 2 for gap in gaps(at)) for market, at in told["snapshots"].items()}
    assert max(short.values()) <= len(told["restarted"]) + late, short
    assert set(told["opportunities"]) <= FIRST | SECOND
    assert told["looks"] == told["samples"] == 1
    assert told["restarted"] or told["unseen"] == 0
