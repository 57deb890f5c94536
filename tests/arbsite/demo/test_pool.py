import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from arbsite.demo.journal import Journal
from arbsite.demo.pool import PoolWatch, children_of, forks_of
from arbsite.demo.snapshot import ProcessView

# A parent that starts another child whenever one dies, as a worker does.
KEEPS_A_CHILD = """
import subprocess, sys
while True:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"])
"""

ASKS_ANOTHER_PROGRAM = """
import subprocess, sys
asked = subprocess.Popen(["sleep", "600"])
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("both run", flush=True)  # until it runs its own program a child is our fork, whatever it will be
own.wait()
"""


@pytest.fixture
def start():
    """Start a parent that runs a script; its whole family ends with the test."""
    with ExitStack() as families:

        def run(script: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-c", script]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
            families.callback(process.stdout.close)
            families.callback(process.wait)
            families.callback(os.killpg, process.pid, signal.SIGKILL)
            return process

        yield run


@pytest.fixture
def parent(start):
    return start(KEEPS_A_CHILD)


def only_child(pid: int, *, but: int = 0) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = [child for child in children_of(pid) if child != but]
        if children:
            return children[0]
        time.sleep(0.02)
    raise AssertionError("no child came")


def test_the_death_of_a_child_and_the_next_child_are_told(parent):
    journal = Journal()
    watch = PoolWatch("worker", journal)
    views = (ProcessView("worker", "running", 0, parent.pid),)
    first = only_child(parent.pid)
    watch.look(views)
    assert journal.lines() == ()
    os.kill(first, signal.SIGKILL)
    second = only_child(parent.pid, but=first)
    watch.look(views)
    assert [line.text.split(" after")[0] for line in journal.lines()] == [
        f"worker's child is gone: pid {first} died",
        "worker's child is back",
    ]
    assert f"pid {second}" in journal.lines()[-1].text


def test_a_new_parent_has_new_children_and_that_is_no_news(parent):
    journal = Journal()
    watch = PoolWatch("worker", journal)
    watch.look((ProcessView("worker", "running", 0, os.getpid()),))
    only_child(parent.pid)
    watch.look((ProcessView("worker", "running", 1, parent.pid),))
    assert journal.lines() == ()


def test_a_process_that_is_gone_has_no_children(parent):
    assert children_of(2**22 + 1) == []


def test_another_program_that_a_worker_asks_something_is_no_child_of_its_pool(start):
    asker = start(ASKS_ANOTHER_PROGRAM)
    assert asker.stdout.readline() == b"both run\n"
    assert len(children_of(asker.pid)) == 2
    assert len(forks_of(asker.pid)) == 1
