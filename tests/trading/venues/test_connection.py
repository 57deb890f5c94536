"""Keeping a connection open."""

from random import Random

from trading.venues.connection import Backoff


def test_waits_double_up_to_the_limit_within_their_upper_half() -> None:
    backoff = Backoff(Random(1), first_s=0.5, longest_s=4.0)
    full_s = [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    for wait_s, limit_s in zip([backoff.next_s() for _ in full_s], full_s, strict=True):
        assert limit_s / 2 <= wait_s <= limit_s


def test_a_reset_begins_again() -> None:
    backoff = Backoff(Random(1), first_s=0.5, longest_s=4.0)
    for _ in range(5):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_two_clients_with_different_seeds_do_not_return_together() -> None:
    waits = {Backoff(Random(seed), first_s=1.0, longest_s=8.0).next_s() for seed in range(10)}
    assert len(waits) == 10


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(Random(1), first_s=1.0, longest_s=8.0)
    assert max(backoff.next_s() for _ in range(2000)) <= 8.0
