"""How old a decision's markets are: stored with it, and asked again in the transaction that sends its orders."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.execution import ExecutionState, LegState
from risk.models import Reservation
from tests.fakes import MS, NOW_NS, book
from trading.models import Opportunity, Order
from trading.services.freshness import Freshness, Limits

LIMITS = Limits(2000, 1000)


def books(*, seen_ms: tuple[int, int] = (0, 0)):
    """Books that cross, seen so long before the decision."""
    first, second = (NOW_NS - age * MS for age in seen_ms)
    return book("a", "99.9", "100", at_ns=first), book("b", "101", "101.1", at_ns=second)


def gates():
    return {gate["gate"]: gate for gate in Opportunity.objects.get().gates}


def test_the_age_of_each_leg_and_the_skew_are_stored_with_the_opportunity(line):
    line.open(*books(seen_ms=(340, 12)))
    told = gates()
    assert told["age"] == {"gate": "age", "passed": True, "detail": "a 340 ms, b 12 ms; at most 2000 ms"}
    assert told["skew"] == {"gate": "skew", "passed": True, "detail": "328 ms; at most 1000 ms"}
    assert "gate" in told  # the gates' own answers follow


def test_they_are_asked_again_at_sending_older_by_the_time_since(line):
    opened = line.open(*books(seen_ms=(340, 12)))
    line.clock.advance(1000)
    assert line.step(opened.pk) == ExecutionState.RUNNING
    assert gates()["age_at_sending"]["detail"] == "a 1340 ms, b 1012 ms; at most 2000 ms"
    assert gates()["skew_at_sending"]["passed"]


def test_an_order_whose_books_grew_stale_on_the_way_is_refused_and_gives_its_room_back(line):
    opened = line.open(*books(seen_ms=(340, 12)))
    line.clock.advance(1661)
    assert line.step(opened.pk) == ExecutionState.SETTLED
    assert {(order.state, order.reason) for order in opened.orders.all()} == {(LegState.REFUSED, "stale")}
    assert not gates()["age_at_sending"]["passed"]
    opportunity = Opportunity.objects.get()
    assert (opportunity.executed, opportunity.reason) == (False, "a: stale")
    assert not Reservation.objects.filter(released_at__isnull=True).exists()


def test_books_that_are_too_far_apart_by_then_are_refused(line, settings):
    opened = line.open(*books(seen_ms=(340, 12)))
    ours = settings.ARB
    settings.ARB = replace(ours, trading=replace(ours.trading, max_skew_ms=300))
    line.step(opened.pk)
    assert {order.reason for order in opened.orders.all()} == {"skewed"}


def test_an_order_that_unwinds_is_sent_however_old_the_books_are(line):
    opened = line.open(*books())
    line.step(opened.pk)
    line.clock.advance(4000)
    line.observe(book("b", "99.8", "99.9"))
    assert line.step(opened.pk) == ExecutionState.UNWINDING
    assert opened.orders.get(role=Order.Role.UNWIND).state == LegState.OPEN


@pytest.mark.parametrize(("age_ns", "age_ms"), [(0, 0), (1, 1), (MS, 1), (MS + 1, 2), (-5 * MS, 0)])
def test_a_part_of_a_millisecond_counts_whole_and_what_lies_ahead_is_new(age_ns, age_ms):
    found = Freshness.of([("a", NOW_NS - age_ns), ("b", NOW_NS)], now_ns=NOW_NS)
    assert found.ages_ms == (("a", age_ms), ("b", 0))


@given(st.integers(-(10**10), 10**10), st.integers(-(10**10), 10**10))
def test_whatever_was_fresh_enough_to_be_decided_on_is_so_at_that_very_instant(first_ns, second_ns):
    found = Freshness.of([("a", NOW_NS - first_ns), ("b", NOW_NS - second_ns)], now_ns=NOW_NS)
    age, skew = found.answers(LIMITS)
    assert age.passed == (max(first_ns, second_ns) <= 2000 * MS)
    assert skew.passed == (abs(first_ns - second_ns) <= 1000 * MS)
