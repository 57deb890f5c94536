"""The venue board: every refused book and lost connection is told with its reason."""

import json
from dataclasses import asdict

import pytest
import redis
from django.conf import settings

from tests.fakes import MS, NOW_NS, SIM
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.keys import board_key
from trading.marketdata.venue_board import VenueBoard, line_of
from trading.venues.health import FeedHealth


@pytest.fixture
def server():
    client = redis.Redis.from_url(settings.ARB.redis_url)
    client.delete(board_key(SIM))
    yield client
    client.delete(board_key(SIM))
    client.close()


def status_of(health: FeedHealth, **refused_later: int) -> VenueStatus:
    return VenueStatus(health.status(), age_ms=5, refused_later=refused_later, restarts=0, last_error="", now_ns=NOW_NS)


def test_books_refused_by_the_feed_and_beside_other_books_are_counted_together_by_reason():
    health = FeedHealth("kraken", origin="sim")
    health.refused.update({"checksum": 2, "crossed": 1})
    health.disconnected("silent")
    line = line_of(status_of(health, crossed=1, out_of_order=3))
    assert line.refused == 7
    assert line.reasons == {"out_of_order": 3, "checksum": 2, "crossed": 2, "silent": 1}


def test_a_line_tells_the_share_of_sound_books_the_clock_and_the_score():
    health = FeedHealth("kraken", origin="kraken")
    health.connected(NOW_NS)
    health.heard(NOW_NS)
    health.refused["crossed"] += 10
    for _ in range(90):
        health.stamped(venue_at_ns=NOW_NS + 3_600_000 * MS, seen_at_ns=NOW_NS)
        health.sound(venue_at_ns=NOW_NS, seen_at_ns=NOW_NS)
    line = line_of(status_of(health))
    assert (line.integrity, line.clock_offset_ms, line.origin) == (0.9, 3_600_000, "kraken")
    assert line.health == 44 and line.health_reasons[0] == "its clock is 60 min ahead of ours"


def test_books_refused_beside_other_books_are_not_counted_as_sound():
    health = FeedHealth("kraken", origin="kraken")
    health.sound(venue_at_ns=NOW_NS, seen_at_ns=NOW_NS)
    assert line_of(status_of(health, out_of_order=1)).integrity == 0.0
    assert line_of(status_of(FeedHealth("kraken", origin="kraken"))).integrity == 1.0


def test_what_is_written_is_read_again_and_lines_of_other_versions_as_well(server):
    board = VenueBoard(server, SIM)
    assert board.lines() == []
    line = line_of(status_of(FeedHealth("kraken", origin="kraken")))
    earlier = {"venue": "alpaca", "is_connected": True, "messages": 1, "books": 1, "reconnects": 0, "restarts": 0}
    earlier |= {"refused": 0, "last_error": ""}
    server.set(board_key(SIM), json.dumps([asdict(line), earlier | {"told_only_by_a_later_version": 1}]))
    kraken, alpaca = board.lines()
    assert kraken == line
    assert (alpaca.venue, alpaca.reasons, alpaca.health) == ("alpaca", {}, 100)
