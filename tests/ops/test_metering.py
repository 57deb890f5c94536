"""Metering: no count is lost to threads, to forks or to children that come and go, and a quote hardly pays for one."""

import json
import subprocess
import sys
import threading

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ops import metering
from ops.metering import Kind, Meter, Sample

THINGS = Meter("test_things_total", "Things.", ("kind",))
TIMES = Meter("test_seconds", "Times.", ("kind",), Kind.HISTOGRAM, (0.1, 1.0))
LEVEL = Meter("test_level", "Level.", (), Kind.GAUGE)

# What a worker does: a parent that is asked, and children that count and die, one of them killed at its work.
FORKING = """
import json, os, signal, sys, threading, time
from ops import metering
from ops.metering import Kind, Meter
things, times = Meter("test_things_total", "Things.", ("kind",)), Meter("test_seconds", "Times.", (), Kind.HISTOGRAM)
things.add("parent", amount=5)
metering.share_with_children()
stop = threading.Event()
def busy():
    while not stop.is_set():
        things.add("busy")
threads = [threading.Thread(target=busy) for _ in range(2)]
[thread.start() for thread in threads]
for number in range(20):
    pid = os.fork()
    if pid == 0:
        for _ in range(50):
            things.add("child"); times.observe(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
stop.set(); [thread.join() for thread in threads]
deadline = time.monotonic() + 20
while metering.value_of("test_seconds_count") < 1000 and time.monotonic() < deadline:
    time.sleep(0.01)
told = {kind: metering.value_of("test_things_total", kind=kind) for kind in ("parent", "child")}
print(json.dumps(told | {"times": metering.value_of("test_seconds_count")}))
"""


def told() -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    text = generate_latest(metering.registry()).decode()
    return {
        family.name: {(one.name, *sorted(one.labels.items())): one.value for one in family.samples}
        for family in text_string_to_metric_families(text)
    }


def test_threads_lose_no_count():
    before = metering.value_of("test_things_total", kind="threads")

    def count() -> None:
        for _ in range(2_000):
            THINGS.add("threads")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metering.value_of("test_things_total", kind="threads") - before == 16_000


def test_children_are_counted_by_their_parent_whenever_they_die_and_none_hangs():
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"parent": 5, "child": 1000, "times": 1000}


def test_a_histogram_tells_how_many_were_at_most_so_much():
    for value in (0.05, 0.1, 0.5, 7.0):
        TIMES.observe(value, "told")
    found = {key: value for key, value in told()["test_seconds"].items() if ("kind", "told") in key}
    buckets = {dict(key[1:])["le"]: value for key, value in found.items() if key[0] == "test_seconds_bucket"}
    assert buckets == {"0.1": 2, "1.0": 3, "+Inf": 4}
    assert found["test_seconds_sum", ("kind", "told")] == pytest.approx(7.65)


def test_a_gauge_is_read_when_somebody_asks_and_a_later_source_replaces_an_earlier_one():
    metering.watch("test", lambda: [Sample(LEVEL, 1)])
    metering.watch("test", lambda: [Sample(LEVEL, 2)])
    assert metering.value_of("test_level") == 2
    metering.watch("test", list)


def test_a_source_that_fails_hides_no_other(caplog):
    def fail() -> list[Sample]:
        raise RuntimeError("changed while it was read")

    metering.watch("broken", fail)
    metering.watch("test", lambda: [Sample(LEVEL, 3)])
    try:
        assert metering.value_of("test_level") == 3
    finally:
        metering.watch("broken", list)
        metering.watch("test", list)


def test_labels_that_are_missing_are_a_fault_of_ours():
    with pytest.raises(AssertionError, match="test_things_total has the labels"):
        THINGS.add()
