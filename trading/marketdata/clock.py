"""The machine's clock, for every process that is not a replay."""

import time


class SystemClock:
    """Now, as the machine tells it."""

    def now_ns(self) -> int:
        """Return ns since the epoch (UTC)."""
        return time.time_ns()


SYSTEM_CLOCK = SystemClock()
