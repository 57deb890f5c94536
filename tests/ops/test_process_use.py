"""What a process uses is told with that of its children, and never runs backwards when one ends."""

import subprocess
import sys
import time

from ops import metrics
from ops.metering import Meter
from ops.process_use import process_use


def use() -> dict[Meter, float]:
    return {sample.meter: sample.value for sample in process_use()}


def test_children_are_included_while_they_run_and_once_they_have_ended():
    alone = use()
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    child = subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    beside = use()
    assert beside[metrics.CHILDREN] == alone[metrics.CHILDREN] + 1
    assert beside[metrics.MEMORY] > alone[metrics.MEMORY]
    assert beside[metrics.CPU] >= alone[metrics.CPU] + 0.3
    child.communicate()
    after = use()
    assert after[metrics.CHILDREN] == alone[metrics.CHILDREN]
    assert after[metrics.CPU] >= beside[metrics.CPU]


def test_it_started_before_now_and_has_files_open():
    found = use()
    assert 0 < time.time() - found[metrics.STARTED] < 24 * 3600
    assert found[metrics.OPEN_FILES] >= len({0, 1, 2})
