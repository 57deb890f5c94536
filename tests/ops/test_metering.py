"""Metering: no count is lost to threads, to forks or to children that come and go, and none of them hangs."""

import json
import subprocess
import sys
import threading

import pytest

from ops import metering, metrics
from ops.metrics import REGISTRY
from tests.told import value_of

# What a worker does: a parent whose threads count, and children that count and die at once, killed at their work.
FORKING = """
import json, os, signal, sys, threading, time
from ops import metering, metrics
value_of = metrics.REGISTRY.get_sample_value
metering.add(metrics.ALERTS, "parent", amount=5)
metering.share_with_children()
stop = threading.Event()
def busy():
    while not stop.is_set():
        metering.add(metrics.ALERTS, "busy")
        metering.add(metrics.PUBLISHED)
threads = [threading.Thread(target=busy) for _ in range(2)]
[thread.start() for thread in threads]
for number in range(20):
    pid = os.fork()
    if pid == 0:
        for _ in range(10):
            metering.add(metrics.ALERTS, "child"); metering.observe(metrics.HTTP_DURATION, 0.5)
            metering.add(metrics.ALERTS, "busy", amount=0); metering.add(metrics.PUBLISHED, amount=0)
        metering.add(metrics.ALERTS, "too", "many", "labels")
        metering.add(metrics.ALERTS, "child after a fault")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
stop.set(); [thread.join() for thread in threads]
deadline = time.monotonic() + 20
while (value_of("arbsite_alerts_total", {"level": "child after a fault"}) or 0) < 20 and time.monotonic() < deadline:
    time.sleep(0.01)
told = {level: value_of("arbsite_alerts_total", {"level": level}) for level in ("parent", "child")}
print(json.dumps(told | {"times": value_of("arbsite_http_request_duration_seconds_count")}))
"""


def test_threads_lose_no_count():
    before = value_of("arbsite_alerts_total", level="threads")

    def count() -> None:
        for _ in range(1_000):
            metering.add(metrics.ALERTS, "threads")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value_of("arbsite_alerts_total", level="threads") - before == 8_000


def test_children_are_counted_by_their_parent_whenever_they_die_and_none_hangs():
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)
    *logged, told = done.stdout.splitlines()
    assert json.loads(told) == {"parent": 5, "child": 200, "times": 200}
    assert sum("count_not_taken" in line for line in logged) == 20


def test_a_histogram_tells_how_many_were_at_most_so_much():
    for value in (0.05, 0.1, 0.5, 70.0):
        metering.observe(metrics.WRITE_DURATION, value, "told")
    found = {
        one.labels["le"]: one.value
        for family in REGISTRY.collect()
        for one in family.samples
        if one.name == "arbsite_write_duration_seconds_bucket" and one.labels["write"] == "told"
    }
    assert (found["0.03"], found["0.1"], found["1.0"], found["30.0"], found["+Inf"]) == (0, 2, 3, 3, 4)
    assert value_of("arbsite_write_duration_seconds_sum", write="told") == pytest.approx(70.65)


def test_labels_that_are_missing_are_a_fault_of_ours():
    with pytest.raises(ValueError, match="missing label values"):
        metering.add(metrics.ALERTS)
    with pytest.raises(ValueError, match="label count"):
        metering.add(metrics.ORDERS, "kraken")
