"""Metering: no count is lost to threads, to forks or to children that come and go, and none of them hangs."""

import json
import subprocess
import sys
import threading

import pytest

from ops import metering, metrics
from ops.metrics import REGISTRY
from tests.told import value_of

# What a worker does: a parent one of whose threads is just counting, and children that count and die at their work.
FORKING = """
import json, os, signal, time
from ops import metering, metrics
value_of = metrics.REGISTRY.get_sample_value
metering.add(metrics.ALERTS, "parent", amount=5)
metering.share_with_children()
for number in range(10):
    metrics.ALERTS._lock.acquire()  # as a thread would have it at the worst moment
    pid = os.fork()
    if pid == 0:
        for _ in range(20):
            metering.add(metrics.ALERTS, "child"); metering.observe(metrics.HTTP_DURATION, 0.5)
        metering.add(metrics.ALERTS, "too", "many", "labels")
        metering.add(metrics.ALERTS, "child after a fault")
        os.kill(os.getpid(), signal.SIGKILL)
    metrics.ALERTS._lock.release()
    os.waitpid(pid, 0)
deadline = time.monotonic() + 60
while (value_of("arbsite_alerts_total", {"level": "child after a fault"}) or 0) < 10 and time.monotonic() < deadline:
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
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=100, check=True)
    *logged, told = done.stdout.splitlines()
    assert json.loads(told) == {"parent": 5, "child": 200, "times": 200}
    assert sum("count_not_taken" in line for line in logged) == 10


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
