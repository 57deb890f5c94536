"""The machine's clock, and one that stands still until it is set."""

import time


class SystemClock:
    """Now, as the machine tells it."""

    def now_ns(self) -> int:
        """Return ns since the epoch (UTC)."""
        return time.time_ns()


SYSTEM_CLOCK = SystemClock()


class VirtualClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self._now_ns = 0

    def set(self, now_ns: int) -> None:
        """Let it be ``now_ns``."""
        assert now_ns >= self._now_ns, "time only goes forward"
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the instant that was set."""
        return self._now_ns
