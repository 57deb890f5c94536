"""For how long a quiet book is believed."""

from dataclasses import replace

from tests.fakes import MS, NOW_NS, book
from trading.venues.pulse import GAPS_KNOWN, LONGEST_QUIET_NS, Pulse

MAX_AGE_MS = 2000
BOOK = replace(book("kraken", "99", "100"), venue_at_ns=NOW_NS - 30 * MS)


def pulse_of(gap_ms: int, changes: int = 100) -> tuple[Pulse, int]:
    """Return the pulse of a book that changed every so often, and the instant of its last change."""
    pulse = Pulse(MAX_AGE_MS)
    for number in range(changes):
        at_ns = NOW_NS + number * gap_ms * MS
        pulse.changed(replace(BOOK, seen_at_ns=at_ns, venue_at_ns=at_ns - 30 * MS, seq=number))
    return pulse, at_ns


def test_a_book_is_worth_confirming_once_a_third_of_its_greatest_age_is_over() -> None:
    pulse, last_ns = pulse_of(100, 1)
    assert not pulse.is_due(last_ns + 600 * MS)
    assert pulse.is_due(last_ns + 700 * MS)
    assert not Pulse(MAX_AGE_MS).is_due(last_ns)


def test_a_confirmed_book_is_the_same_as_late_as_it_was_and_of_the_proof() -> None:
    pulse, last_ns = pulse_of(100)
    before, proved_at_ns = pulse.book, last_ns + 700 * MS
    told = pulse.confirmed(proved_at_ns, seq=777)
    assert (told.seen_at_ns, told.venue_at_ns, told.seq) == (proved_at_ns, proved_at_ns - 30 * MS, 777)
    assert before is not None and (told.bids, told.asks) == (before.bids, before.asks)
    assert not pulse.is_due(proved_at_ns + 600 * MS)


def test_what_seldom_changes_is_believed_for_long_and_never_for_ever() -> None:
    pulse, last_ns = pulse_of(5000)
    assert pulse.is_believed(last_ns + LONGEST_QUIET_NS)
    assert not pulse.is_believed(last_ns + LONGEST_QUIET_NS + MS)


def test_what_changed_all_the_time_is_not_believed_to_be_quiet() -> None:
    pulse, last_ns = pulse_of(100)
    assert pulse.is_believed(last_ns + 3000 * MS)
    assert not pulse.is_believed(last_ns + 3001 * MS)
    assert pulse_of(1)[0].is_believed(NOW_NS + MAX_AGE_MS * MS), "the greatest age is always borne"


def test_a_habit_is_not_made_of_a_few_changes() -> None:
    pulse, last_ns = pulse_of(1, GAPS_KNOWN)
    assert pulse.is_believed(last_ns + LONGEST_QUIET_NS)


def test_a_confirmation_is_no_change_and_makes_no_quiet_longer() -> None:
    pulse, last_ns = pulse_of(100)
    for number in range(1, 5):
        pulse.confirmed(last_ns + number * 700 * MS, seq=1000 + number)
    assert not pulse.is_believed(last_ns + 3500 * MS)
