"""The pace of a replay, on a clock that only sleeping moves."""

from decimal import Decimal

import pytest

from domain.timestamps import NS_PER_S
from trading.services.replay.pace import Pace


class Wall:
    """A wall clock that goes forward by sleeping, or when work takes time."""

    def __init__(self):
        self.now_s = 100.0
        self.slept = []

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


def paced(speed, *, works_s=0.0):
    wall = Wall()
    pace = Pace(speed, monotonic=wall.monotonic, sleep=wall.sleep)
    for second in (0, 1, 2, 10):
        pace.wait_for(1_760_000_000 * NS_PER_S + second * NS_PER_S)
        wall.now_s += works_s
    return wall.slept


def test_as_fast_as_possible_never_waits():
    assert paced(None) == []


@pytest.mark.parametrize(("speed", "slept"), [("1", [1, 1, 8]), ("4", [0.25, 0.25, 2]), ("0.5", [2, 2, 16])])
def test_recorded_seconds_pass_so_many_times_as_fast(speed, slept):
    assert paced(Decimal(speed)) == slept


def test_what_the_work_took_is_not_waited_again():
    assert paced(Decimal(1), works_s=0.4) == [0.6, 0.6, 7.6]
    assert paced(Decimal(1), works_s=3.0) == [1.0]
