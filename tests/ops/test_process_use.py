"""What a process uses is told with that of its children, and never runs backwards when one ends."""

import os
import subprocess
import sys
import time

from ops.process_use import Use, process_use

# A process that has a child for a while; it says when it has come so far, and goes on when it is told to.
FAMILY = """
import os, signal, time
print(flush=True); input()
pid = os.fork()
if pid == 0:
    while time.process_time() < 0.1: pass
    print(flush=True); signal.pause()
input(); os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
print(flush=True); input()
"""


def use(pid: int) -> Use:
    found = process_use(pid)
    assert found is not None
    return found


def test_children_are_included_while_they_run_and_once_they_have_ended():
    told = []
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as family:
        assert family.stdin is not None and family.stdout is not None
        for _ in range(3):
            family.stdout.readline()
            told.append(use(family.pid))
            family.stdin.write(b"\n")
            family.stdin.flush()
    alone, beside, after = told
    assert (alone.children, beside.children, after.children) == (0, 1, 0)
    assert beside.memory_bytes > alone.memory_bytes
    assert beside.cpu_s >= alone.cpu_s + 0.1 - 0.02  # the kernel counts in hundredths, by process
    assert after.cpu_s >= beside.cpu_s


def test_it_started_before_now_and_has_files_open():
    found = use(os.getpid())
    assert 0 < time.time() - found.started_at_s < 24 * 3600
    assert found.open_files >= len({0, 1, 2})


def test_of_a_process_that_is_not_there_nothing_is_told():
    assert process_use(0) is None
