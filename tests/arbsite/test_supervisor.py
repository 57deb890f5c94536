"""The supervisor: what dies is back, what is stopped is gone, and nothing outlives it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arbsite.guardian import listed_groups, signal_group
from arbsite.processes import Process
from arbsite.supervisor import ChildState, EventKind, Supervisor
from arbsite.supervisor import child as child_module
from domain.errors import Unreachable

CHECKOUT = Path(__file__).resolve().parents[2]
SLEEPS = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
FORKS = "import os, time; child = os.fork(); print(os.getpid() if child else 'forked', flush=True); time.sleep(600)"


def _python(name: str, code: str) -> Process:
    return Process(name, (sys.executable, "-c", code))


def _eventually(holds: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _supervisor(folder: Path, *processes: Process) -> Supervisor:
    return Supervisor(processes, cwd=CHECKOUT, log_dir=folder / "logs")


def _kinds(supervisor: Supervisor, name: str) -> list[EventKind]:
    return [event.kind for event in supervisor.events if event.process == name]


def test_started_processes_run_and_stopped_ones_are_gone(tmp_path):
    with _supervisor(tmp_path, _python("one", SLEEPS), _python("two", SLEEPS)) as supervisor:
        pids = [status.pid for status in supervisor.states()]
        assert [status.state for status in supervisor.states()] == [ChildState.RUNNING] * 2
    assert [status.state for status in supervisor.states()] == [ChildState.STOPPED] * 2
    assert not any(signal_group(pid, 0) for pid in pids)
    assert _kinds(supervisor, "one") == [EventKind.STARTED, EventKind.STOPPED]


def test_a_killed_process_is_started_again(tmp_path):
    with _supervisor(tmp_path, _python("one", SLEEPS), _python("two", SLEEPS)) as supervisor:
        first, untouched = (status.pid for status in supervisor.states())
        os.kill(first, signal.SIGKILL)
        _eventually(lambda: supervisor.states()[0].restarts == 1)
        assert supervisor.states()[0].pid not in (None, first)
        assert supervisor.states()[1].pid == untouched
    died = next(event for event in supervisor.events if event.kind is EventKind.DIED)
    assert (died.process, died.detail) == ("one", "killed by SIGKILL")


def test_events_reach_the_callback_and_the_log_but_no_environment_does(tmp_path):
    told = []
    supervisor = Supervisor([_python("one", SLEEPS)], cwd=CHECKOUT, log_dir=tmp_path, on_event=told.append)
    with supervisor:
        pass
    assert told == supervisor.events
    assert (tmp_path / "supervisor.log").read_text().splitlines() == [event.as_json() for event in told]


def test_what_a_dead_process_forked_is_gone_before_the_next_one_runs(tmp_path):
    with _supervisor(tmp_path, _python("forks", FORKS)) as supervisor:
        group = supervisor.states()[0].pid
        _eventually(lambda: "forked" in (tmp_path / "logs" / "forks.log").read_text())
        os.kill(group, signal.SIGKILL)
        _eventually(lambda: supervisor.states()[0].restarts == 1)
        _eventually(lambda: not signal_group(group, 0))


def test_a_process_that_dies_at_once_is_started_ever_more_rarely(tmp_path):
    with _supervisor(tmp_path, _python("fails", "raise SystemExit(7)")) as supervisor:
        _eventually(lambda: len(_kinds(supervisor, "fails")) >= 5)
        _eventually(lambda: supervisor.states()[0].state is ChildState.WAITING)
    details = {event.detail for event in supervisor.events if event.kind is EventKind.DIED}
    assert details == {"ended with exit code 7"}
    assert supervisor.states()[0].restarts < 6


def test_a_process_deaf_to_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("arbsite.supervisor.supervisor._PATIENCE_S", 0.2)
    with _supervisor(tmp_path, _python("deaf", STUBBORN)) as supervisor:
        pid = supervisor.states()[0].pid
        _eventually(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
    assert not signal_group(pid, 0)


def test_a_large_log_is_kept_once_and_begun_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(child_module, "_LOG_BYTES", 1000)
    talks = "import time\nwhile True: print('word ' * 20, flush=True); time.sleep(0.01)"
    with _supervisor(tmp_path, _python("talks", talks)):
        _eventually((tmp_path / "logs" / "talks.log.1").exists)
    assert (tmp_path / "logs" / "talks.log").read_bytes().count(b"\0") == 0


def test_stopping_twice_is_as_good_as_once(tmp_path):
    supervisor = _supervisor(tmp_path, _python("one", SLEEPS))
    supervisor.start()
    supervisor.stop()
    supervisor.stop()
    assert _kinds(supervisor, "one") == [EventKind.STARTED, EventKind.STOPPED]


def test_a_program_that_is_not_there_leaves_nothing_running(tmp_path):
    supervisor = _supervisor(tmp_path, _python("one", SLEEPS), Process("absent", ("/nowhere/program",)))
    with pytest.raises(FileNotFoundError):
        supervisor.start()
    assert [status.pid for status in supervisor.states()] == [None, None]


def test_a_folder_of_logs_that_cannot_be_made_is_named_before_anything_runs(tmp_path):
    (tmp_path / "logs").write_text("no folder")
    supervisor = _supervisor(tmp_path, _python("one", SLEEPS))
    with pytest.raises(
        Unreachable, match=rf"ARB_LOG_DIR is {tmp_path}/logs, which cannot be made a folder: File exists"
    ):
        supervisor.start()
    assert [status.pid for status in supervisor.states()] == [None]


_SUPERVISES = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from arbsite.processes import Process
    from arbsite.supervisor import Supervisor
    supervisor = Supervisor(
        [Process("one", (sys.executable, "-c", sys.argv[2]))], cwd=Path.cwd(), log_dir=Path(sys.argv[1])
    )
    def tell(event):
        print(event.pid, flush=True)
    supervisor._on_event = tell
    supervisor.run()
""")


def _run_supervisor(folder: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-c", _SUPERVISES, str(folder), SLEEPS]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    return started, int(started.stdout.readline())


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path):
    supervisor, child = _run_supervisor(tmp_path)
    supervisor.kill()
    supervisor.communicate()
    _eventually(lambda: not signal_group(child, 0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_supervisor_ends_in_good_order(tmp_path, number):
    supervisor, child = _run_supervisor(tmp_path)
    supervisor.send_signal(number)
    supervisor.communicate()
    assert supervisor.returncode == 0
    assert not signal_group(child, 0)


def test_a_killed_guardian_is_replaced(tmp_path):
    with _supervisor(tmp_path, _python("one", SLEEPS)) as supervisor:
        killed = supervisor._guardian
        killed.kill()
        _eventually(lambda: supervisor._guardian is not killed)


def test_the_guardian_ends_what_is_listed_and_not_struck_off():
    assert listed_groups(["+7\n", "+8\n", "-7\n", "+9\n"]) == {8, 9}
