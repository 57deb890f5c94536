"""What is left open is undone against the market as it stood then, however late a worker comes to look."""

from datetime import timedelta

import pytest

from domain.execution import ExecutionState
from domain.timestamps import from_ns
from tests.fakes import NOW_NS, book
from trading.models import FillObservation, Order

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
SELLER_GONE = (book("a", "99.9", "100"), book("b", "99.8", "99.9"))
DUE, DELAY, TIMEOUT = from_ns(NOW_NS) + timedelta(milliseconds=250), timedelta(milliseconds=250), timedelta(seconds=5)


def left_open(line, *, late_ms: int):
    """Let one leg fill alone and a worker look at it so much later; return what its unwinding order waits for."""
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(*SELLER_GONE)
    line.clock.advance(late_ms)
    assert line.step(execution.pk) == ExecutionState.UNWINDING
    return execution, FillObservation.objects.get(order__role=Order.Role.UNWIND)


@pytest.mark.parametrize("late_ms", [0, 30, 1_700, 5_250])
def test_a_late_worker_meets_the_book_that_a_prompt_one_meets(line, late_ms):
    assert left_open(line, late_ms=late_ms)[1].due_at == DUE + DELAY


def test_an_instant_that_nobody_remembers_is_counted_from_now(line):
    _, waiting = left_open(line, late_ms=60_000)
    assert waiting.due_at == from_ns(line.clock.now_ns()) + DELAY


def test_a_second_try_is_counted_from_where_the_first_was_given_up(line):
    execution, first = left_open(line, late_ms=0)
    line.clock.advance(5_251)
    line.step(execution.pk)
    second = FillObservation.objects.get(order__role=Order.Role.UNWIND, order__attempt=2)
    assert second.due_at == first.due_at + TIMEOUT + DELAY
