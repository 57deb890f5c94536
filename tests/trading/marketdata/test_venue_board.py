"""The venue board: every refused book and lost connection is told with its reason."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings

from tests.fakes import MS, NOW_NS, SIM
from trading.marketdata.feeds import VenueStatus
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.venue_board import VenueBoard
from trading.marketdata.venue_lines import VenueLine, together
from trading.marketdata.venue_teller import VenueBoardWriter, line_of
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


def line(**told: Any) -> VenueLine:
    return replace(line_of(status_of(FeedHealth("kraken", origin="kraken"))), **told)


async def tell(server: "redis.Redis", partition: int | None, *statuses: VenueStatus) -> None:
    client = redis.asyncio.Redis.from_url(settings.ARB.redis_url)
    async with client:
        assert await VenueBoardWriter(client, SIM, partition=partition).tell(statuses)


@pytest.fixture
def boards(server) -> Iterator["redis.Redis"]:
    keys = [board_key(SIM, index) for index in (1, 2)]
    server.delete(*keys)
    yield server
    server.delete(*keys)


async def test_streams_that_share_the_pairs_overwrite_nobody_and_are_read_as_one(boards):
    kraken, alpaca = (status_of(FeedHealth(name, origin=name)) for name in ("kraken", "alpaca"))
    await tell(boards, 1, kraken, alpaca)
    board = VenueBoard(boards, SIM, partitions=2)
    assert board.age_s() is None  # the second stream has told nothing
    await tell(boards, 2, replace(kraken, restarts=3))
    assert [(one.venue, one.restarts) for one in board.lines()] == [("kraken", 3), ("alpaca", 0)]
    boards.pexpire(board_key(SIM, 1), 1000 * (BOARD_EXPIRE_S - 40))
    assert 40 <= (board.age_s() or 0) < BOARD_EXPIRE_S  # the eldest counts
    assert VenueBoard(boards, SIM).lines() == []


async def test_where_one_stream_of_all_pairs_told_last_it_is_heard(boards):
    kraken = status_of(FeedHealth("kraken", origin="kraken"))
    await tell(boards, 1, kraken)
    boards.pexpire(board_key(SIM, 1), 1000 * (BOARD_EXPIRE_S - 40))
    await tell(boards, None, replace(kraken, restarts=9))
    board = VenueBoard(boards, SIM, partitions=2)
    age_s = board.age_s()
    assert [one.restarts for one in board.lines()] == [9] and age_s is not None and 0 <= age_s < 40


def test_of_one_venue_counts_are_added_and_of_all_else_the_worst_is_told():
    well = line(
        is_connected=True,
        health=100,
        messages=5,
        reasons={"crossed": 1},
        age_ms=10,
        clock_offset_ms=2.0,
        latency_p50_ms=1.0,
    )
    bad = line(messages=7, reasons={"crossed": 2, "stale": 1}, health=40, health_reasons=["late"], integrity=0.9)
    bad = replace(bad, clock_offset_ms=-9.0, last_error="cut off", polled_every_ms=1000)
    (found,) = together([well, bad])
    assert found == replace(
        bad, messages=12, reasons={"crossed": 3, "stale": 1}, age_ms=10, latency_p50_ms=1.0, is_connected=False
    )
    assert together([well, replace(bad, venue="alpaca")]) == [well, replace(bad, venue="alpaca")]
