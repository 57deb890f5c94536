"""What a feed counts of itself."""

from random import Random

import pytest

from tests.fakes import MS, NOW_NS
from trading.venues.health import FeedHealth, lately

SECOND = 1000 * MS


def health_of(lags_ms: list[float], *, round_trip_ms: float = 0.0) -> FeedHealth:
    health = FeedHealth("kraken", origin="kraken")
    health.connected(NOW_NS)
    if round_trip_ms:
        health.answered(int(round_trip_ms * MS))
    for number, lag_ms in enumerate(lags_ms):
        seen_at_ns = NOW_NS + number * 10 * MS
        health.stamped(venue_at_ns=seen_at_ns - int(lag_ms * MS), seen_at_ns=seen_at_ns)
    return health


def ways_ms(count: int, *, seed: int = 1, least: float = 20.0) -> list[float]:
    rng = Random(seed)
    return [least + rng.expovariate(1 / 5) for _ in range(count)]


def test_before_any_message_no_clock_and_no_latency_is_told() -> None:
    status = FeedHealth("kraken", origin="kraken").status()
    assert (status.clock_offset_ms, status.latency_p50_ms, status.latency_p99_ms) == (None, None, None)
    assert status.integrity == 1.0


def test_a_clock_in_step_is_told_as_such_where_the_round_trip_is_known() -> None:
    status = health_of(ways_ms(500), round_trip_ms=40).status()
    assert status.clock_offset_ms == pytest.approx(0, abs=1)
    assert status.latency_p50_ms == pytest.approx(23.5, abs=1.5)
    assert status.latency_p99_ms == pytest.approx(43, abs=10)


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000, 900])
def test_a_clock_that_is_off_is_measured_and_kept_out_of_the_latency(ahead_ms: int) -> None:
    status = health_of([way - ahead_ms for way in ways_ms(300)], round_trip_ms=40).status()
    assert status.clock_offset_ms == pytest.approx(ahead_ms, abs=2)
    assert status.latency_p50_ms == pytest.approx(23.5, abs=2)


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000])
def test_a_clock_that_jumps_is_noticed_within_a_few_dozen_messages_and_forgotten_as_quickly(ahead_ms: int) -> None:
    jumped = ways_ms(500) + [way - ahead_ms for way in ways_ms(20)]
    assert health_of(jumped, round_trip_ms=40).status().clock_offset_ms == pytest.approx(ahead_ms, abs=2)
    back = health_of(jumped + ways_ms(32), round_trip_ms=40).status()
    assert back.clock_offset_ms == pytest.approx(0, abs=2)
    assert back.latency_p99_ms is not None and back.latency_p99_ms < 100


def test_a_few_wild_instants_do_not_move_the_clock() -> None:
    lags = ways_ms(300)
    lags[::40] = [-3_600_000.0] * len(lags[::40])
    assert health_of(lags, round_trip_ms=40).status().clock_offset_ms == pytest.approx(0, abs=2)


def test_the_shortest_round_trip_counts_until_the_next_connection() -> None:
    health = health_of(ways_ms(100), round_trip_ms=40)
    health.answered(90 * MS)
    assert health.round_trip_ns == 40 * MS
    health.connected(NOW_NS)
    assert health.round_trip_ns == 0 and health.status().clock_offset_ms is None


def test_the_latest_minute_is_told_apart_from_all_before_it() -> None:
    health = FeedHealth("kraken", origin="kraken")
    for second in range(300):
        now_ns = NOW_NS + second * SECOND
        health.heard(now_ns)
        health.heard(now_ns)
        if second == 10:
            health.refused["crossed"] += 7
            health.disconnected("silent")
        elif second >= 280:
            health.refused["checksum"] += 1
        else:
            health.sound(venue_at_ns=now_ns, seen_at_ns=now_ns)
    recent = lately(health.status(), NOW_NS + 300 * SECOND)
    assert recent.refused == {"checksum": 20}
    assert 35 <= recent.books <= 45 and recent.reconnects == 0
    assert recent.rate_per_s == pytest.approx(2.0, abs=0.2)
    assert health.status().lost_reason == "silent"


def test_a_feed_that_fell_silent_has_no_rate_and_nothing_lately() -> None:
    health = FeedHealth("kraken", origin="kraken")
    health.heard(NOW_NS)
    health.refused["crossed"] += 1
    assert lately(health.status(), NOW_NS + 600 * SECOND) == (0, {}, 0, 0.0)
    assert lately(FeedHealth("alpaca", origin="alpaca").status(), NOW_NS) == (0, {}, 0, 0.0)
