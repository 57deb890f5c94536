"""The guardian: ends the process groups of a supervisor that was killed before it could.

It reads ``+group`` and ``-group`` lines from the supervisor's pipe. The kernel closes the pipe when the supervisor
dies, however it dies; whatever groups are listed then are ended. It stands outside ``arbsite.supervisor`` so that its
process imports nothing else.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

_PATIENCE_S = 5.0


def listed_groups(lines: Iterable[str]) -> set[int]:
    """Return the groups that are listed once the lines end."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    return groups


def end_groups(groups: Iterable[int], *, patience_s: float = _PATIENCE_S) -> None:
    """Ask every group to end, and force what is left after ``patience_s``."""
    left = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + patience_s
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if signal_group(group, 0)}
    for group in left:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a group, and return whether the group has members."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return number != 0  # macOS says so of a group that holds nothing but a zombie
    return True


def main() -> None:
    """Wait for the supervisor's end, then end what it left."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    end_groups(listed_groups(sys.stdin))


if __name__ == "__main__":
    main()
