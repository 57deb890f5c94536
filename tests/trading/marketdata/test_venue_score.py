"""How far a venue's data can be trusted."""

import pytest

from tests.fakes import MS, NOW_NS
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.venue_score import Score, score_of
from trading.venues.health import FeedHealth


def sound_health(*, lag_ms: float = 20) -> FeedHealth:
    health = FeedHealth("kraken", origin="kraken", max_age_ms=2000)
    health.connected(NOW_NS)
    health.heard(NOW_NS)
    for _ in range(90):
        health.stamped(venue_at_ns=NOW_NS - int(lag_ms * MS), seen_at_ns=NOW_NS)
        health.sound(venue_at_ns=NOW_NS, seen_at_ns=NOW_NS)
    return health


def score(health: FeedHealth, *, age_ms: int | None = 5, last_error: str = "") -> Score:
    return score_of(VenueStatus(health.status(), age_ms, {}, 0, last_error, now_ns=NOW_NS + 30_000 * MS))


def test_nothing_is_said_against_a_sound_feed() -> None:
    assert score(sound_health()) == (100, ())


def test_a_feed_without_a_connection_is_worth_nothing_and_says_why() -> None:
    health = sound_health()
    health.disconnected("silent")
    assert score(health) == (0, ("not connected: silent", "connection lost once in the last minute"))
    assert score(health, last_error="Alpaca's stream says 402 auth failed").reasons[0].endswith("402 auth failed")
    assert score(FeedHealth("kraken", origin="kraken"), age_ms=None) == (0, ("not connected",))


def test_before_its_first_sound_book_a_feed_is_worth_nothing() -> None:
    health = FeedHealth("kraken", origin="kraken")
    health.connected(NOW_NS)
    assert score(health, age_ms=None) == (0, ("no sound book yet",))


def test_books_refused_of_late_are_named_by_their_reasons() -> None:
    health = sound_health()
    health.refused.update({"checksum": 7, "crossed": 3})
    assert score(health) == (94, ("10.0% refused in the last minute: checksum 7, crossed 3",))


@pytest.mark.parametrize(
    ("lag_ms", "reason"),
    [
        (-3_600_000, "its clock is 60 min ahead of ours"),
        (3_600_000, "what it says is 60 min old: its clock is behind ours, or it is slow"),
        (-700, "its clock is 0.7 s ahead of ours"),
    ],
)
def test_a_clock_that_is_off_is_named(lag_ms: float, reason: str) -> None:
    assert score(sound_health(lag_ms=lag_ms)) == (50, (reason,))


def test_a_slow_way_and_an_old_book_take_from_the_score() -> None:
    health = sound_health()
    for _ in range(10):
        health.stamped(venue_at_ns=NOW_NS - 1400 * MS, seen_at_ns=NOW_NS)
    assert score(health, age_ms=2500) == (
        50,
        ("newest book is 2.5 s old", "one message in a hundred takes 1.4 s"),
    )


def test_a_venue_that_takes_no_orders_is_worth_nothing() -> None:
    health = sound_health()
    health.venue_state = "maintenance"
    assert score(health) == (0, ("the venue says maintenance",))


def test_repeated_reconnects_take_only_so_much() -> None:
    health = sound_health()
    for _ in range(40):
        health.disconnected("cut_off")
    health.connected(NOW_NS)
    assert score(health) == (80, ("connection lost 40 times in the last minute",))
