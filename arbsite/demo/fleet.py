"""The processes of the demo, started in waves: on two cores those that the first trade waits for come first."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from arbsite.demo.snapshot import TO_COME, ProcessView
from arbsite.embedded import Lease
from arbsite.processes import Process
from arbsite.supervisor import ProcessEvent, Supervisor

PATIENCE_S = 12.0


class Fleet:
    """Starts the next wave when the last one is at work, or has had time enough."""

    def __init__(
        self,
        waves: Sequence[Sequence[Process]],
        *,
        cwd: Path,
        log_dir: Path,
        on_event: Callable[[ProcessEvent], None],
        lease: Lease | None,
    ) -> None:
        self._to_come = [tuple(wave) for wave in waves]
        first = self._to_come.pop(0)
        self._supervisor = Supervisor(first, cwd=cwd, log_dir=log_dir, on_event=on_event, lease=lease)
        self._next_at_s = 0.0

    def start(self) -> None:
        """Start the first wave."""
        self._next_at_s = time.monotonic() + PATIENCE_S
        self._supervisor.start()

    def advance(self, *, is_at_work: bool) -> None:
        """Start the next wave, if there is one and its time has come."""
        if self._to_come and (is_at_work or time.monotonic() >= self._next_at_s):
            self._next_at_s = time.monotonic() + PATIENCE_S
            self._supervisor.add(self._to_come.pop(0))

    @property
    def is_complete(self) -> bool:
        """Whether every wave has started."""
        return not self._to_come

    def views(self) -> tuple[ProcessView, ...]:
        """Return what is known of each process, those to come included."""
        known = [ProcessView(one.name, one.state.value, one.restarts, one.pid) for one in self._supervisor.states()]
        later = [process.name for wave in self._to_come for process in wave]
        return (*known, *(ProcessView(name, TO_COME, 0, None) for name in later))

    def stop(self) -> None:
        """End every process."""
        self._supervisor.stop()
