"""The volatility job where clocks are put forward and back, the machine's own or the database's."""

from datetime import timedelta

import pytest
from django.db.models import F

from tests.trading.services.volatility.watching import Watch
from trading.models import PriceBar

YEAR = 365 * 24 * 60  # minutes


def wander(minute: int) -> float:
    """Return the price that is seen in a minute."""
    return 100 + minute % 7


def watched(watch: Watch, first: int, last: int) -> None:
    """See a book in each minute, and run the job after it."""
    for minute in range(first, last):
        watch.see(minute + 0.5, wander(minute))
        watch.run(minute + 1.1)


@pytest.mark.parametrize("step", [90, YEAR])
def test_a_clock_that_was_ahead_and_is_put_back_leaves_no_trace_in_the_next_figures(watch, step):
    watched(watch, 0, 40)
    watch.see(step + 0.5, 250)
    watch.run(step + 1.1)
    watched(watch, 40, 45)
    with_the_step = watch.row_at(46.1)
    PriceBar.objects.filter(close=250).delete()
    watch.cache = type(watch.cache)(watch.scope)
    undisturbed = watch.row_at(46.2)
    assert with_the_step.known_1h == undisturbed.known_1h == 45 / 60
    assert with_the_step.volatility_1h == undisturbed.volatility_1h is not None
    assert with_the_step.returns_1h == undisturbed.returns_1h


def test_what_is_written_while_the_database_s_clock_is_an_hour_back_is_read_all_the_same(watch):
    watched(watch, 0, 40)
    PriceBar.objects.update(written_at=F("written_at") + timedelta(hours=1))
    watch.run(40.2)  # the cache has read what was written an hour ahead of now
    watched(watch, 40, 45)
    assert watch.row_at(45.2).known_1h == 45 / 60
