"""The pace of a replay: as fast as it can, or so many times as fast as the recorded clock went."""

import time
from collections.abc import Callable
from decimal import Decimal

from domain.timestamps import NS_PER_S


class Pace:
    """Waits until an instant is due on the wall, counted from the first one that was waited for."""

    def __init__(
        self,
        speed: Decimal | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Go at ``speed`` recorded seconds a second; None is as fast as possible."""
        self._speed = None if speed is None else float(speed)
        self._monotonic, self._sleep = monotonic, sleep
        self._began: tuple[int, float] | None = None

    def wait_for(self, at_ns: int) -> None:
        """Return once ``at_ns`` is due; one that is overdue is not waited for."""
        if self._speed is None:
            return
        if self._began is None:
            self._began = at_ns, self._monotonic()
        first_ns, begun_s = self._began
        left_s = begun_s + (at_ns - first_ns) / NS_PER_S / self._speed - self._monotonic()
        if left_s > 0:
            self._sleep(left_s)
