"""Readings: every part is read by itself, and what falls silent grows older instead of vanishing."""

import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
import redis

from arbsite.metrics import readings
from arbsite.tasks import store_readings
from domain.secret import Secret
from ops.models import Outbox, Reading, ReadingKind
from ops.queues import Queue
from ops.services import canaries
from ops.services.schedules import ENTRIES
from tests.fakes import SIM
from tests.sessions import in_another_session
from trading.marketdata.keys import BOARD_EXPIRE_S, board_key
from trading.marketdata.price_cache import cache_key
from trading.marketdata.venue_lines import VenueLine

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINE = VenueLine("kraken", True, 9, 8, 0, 0, 0, "", age_ms=300, health=90, clock_offset_ms=-12.5)


@pytest.fixture
def server(settings):
    keys = (*map(str, Queue), board_key(SIM), cache_key(SIM))
    client = redis.Redis.from_url(settings.ARB.redis_url)
    client.delete(*keys)
    yield client
    client.delete(*keys)
    client.close()


def read(kind: ReadingKind, now: datetime | None = None) -> dict[str, float]:
    return {one.subject: one.value for one in readings.gather(SIM, now=now).values if one.kind == kind}


def remember(kind: ReadingKind, subject: str, value: float, at: datetime) -> None:
    Reading.objects.create(**SIM.columns, timestamp=at, kind=kind, subject=subject, value=value)


def test_a_system_at_rest_has_empty_queues_and_no_part_unread(server):
    found = readings.gather(SIM)
    assert found.unread == {}
    assert read(ReadingKind.QUEUE_DEPTH_MESSAGES) == dict.fromkeys(map(str, Queue), 0)
    assert read(ReadingKind.OUTBOX_AGE_S) == {"": 0}
    assert read(ReadingKind.DATABASE_SIZE_BYTES)[""] > 1e6
    assert read(ReadingKind.DATABASE_SESSIONS)[""] >= 1


def test_room_is_told_where_files_stay_and_of_the_backups_where_they_are_seen(server, settings, tmp_path):
    kept = replace(settings.ARB.backups, directory=tmp_path / "backups")
    settings.ARB = replace(settings.ARB, backups=kept)
    assert set(read(ReadingKind.DISK_FREE_BYTES)) == {"models"}
    kept.directory.mkdir()
    assert set(read(ReadingKind.DISK_FREE_BYTES)) == {"models", "backups"}


def test_messages_that_wait_are_counted_by_queue(server):
    server.rpush(Queue.SCAN.value, "a", "b")
    assert read(ReadingKind.QUEUE_DEPTH_MESSAGES) == {"scan": 2, "execution": 0, "account": 0, "ml": 0}


def test_a_canary_tells_how_long_ago_it_came_and_how_long_it_waited(server):
    now = datetime.now(UTC)
    canaries.seen("scan", scope=SIM, sent_at=now - timedelta(seconds=2))
    took_s = (datetime.now(UTC) - now).total_seconds()
    assert 10 - took_s <= read(ReadingKind.CANARY_AGE_S, now + timedelta(seconds=10))["scan"] <= 10
    assert list(read(ReadingKind.QUEUE_DELAY_MS)) == ["scan"]
    assert 2000 <= read(ReadingKind.QUEUE_DELAY_MS)["scan"] <= 2001 + took_s * 1000


def test_a_canary_that_never_came_is_as_old_as_the_first_look_for_it(server):
    assert read(ReadingKind.CANARY_AGE_S, NOW) == dict.fromkeys(canaries.NAMES, 0)
    remember(ReadingKind.CANARY_AGE_S, "scan", 0, NOW - timedelta(minutes=2))
    assert read(ReadingKind.CANARY_AGE_S, NOW) == dict.fromkeys(canaries.NAMES, 120)


def test_the_outbox_is_as_old_as_what_has_been_due_longest(server):
    Outbox.objects.create(**SIM.columns, kind="t", row_id=1, due_at=NOW - timedelta(seconds=7))
    Outbox.objects.create(**SIM.columns, kind="t", row_id=2, due_at=NOW - timedelta(seconds=3))
    assert read(ReadingKind.OUTBOX_AGE_S, NOW) == {"": 7}
    Outbox.objects.update(due_at=NOW + timedelta(seconds=1))
    assert read(ReadingKind.OUTBOX_AGE_S, NOW) == {"": 0}


def test_a_venue_is_as_old_and_as_healthy_as_the_stream_told_last(server):
    began_s = time.monotonic()
    server.set(board_key(SIM), json.dumps([asdict(LINE)]), ex=BOARD_EXPIRE_S - 10)
    age_ms = read(ReadingKind.DATA_AGE_MS)["kraken"]
    assert 10_300 <= age_ms <= 10_301 + (time.monotonic() - began_s) * 1000
    assert read(ReadingKind.VENUE_HEALTH_SHARE) == {"kraken": 0.9}
    assert read(ReadingKind.CLOCK_SKEW_MS) == {"kraken": -12.5}


def test_of_a_stream_that_fell_silent_no_venue_is_healthy(server):
    server.set(board_key(SIM), json.dumps([asdict(LINE)]), ex=BOARD_EXPIRE_S - 60)
    assert read(ReadingKind.VENUE_HEALTH_SHARE) == {"kraken": 0}
    assert read(ReadingKind.CLOCK_SKEW_MS) == {}


def test_data_that_nobody_tells_of_any_more_grows_older(server):
    remember(ReadingKind.DATA_AGE_MS, "kraken", 900, NOW - timedelta(seconds=60))
    remember(ReadingKind.DATA_AGE_MS, "kraken", 500, NOW - timedelta(seconds=30))
    remember(ReadingKind.DATA_AGE_MS, "no_venue_of_ours", 500, NOW - timedelta(seconds=30))
    remember(ReadingKind.DATA_AGE_MS, "alpaca", 500, NOW - timedelta(days=1))
    assert read(ReadingKind.DATA_AGE_MS, NOW) == {"kraken": 30_500}


def test_a_part_that_cannot_be_read_is_named_and_holds_up_no_other(settings):
    nowhere = replace(settings.ARB.redis, url=Secret("redis://:secret@127.0.0.1:9/0"))
    settings.ARB = replace(settings.ARB, redis=nowhere)
    found = readings.gather(SIM)
    assert found.unread == {"queues": "ConnectionError", "feeds": "Unreachable"}
    assert {one.kind for one in found.values} >= {ReadingKind.CANARY_AGE_S, ReadingKind.DATABASE_SIZE_BYTES}


def test_what_was_read_is_stored_as_rows(server):
    server.set(board_key(SIM), json.dumps([asdict(LINE)]), ex=BOARD_EXPIRE_S)
    stored = readings.store(SIM)
    assert stored == Reading.objects.in_scope(SIM).count() > 10
    assert len(set(Reading.objects.values_list("timestamp", flat=True))) == 1
    assert Reading.objects.get(kind=ReadingKind.VENUE_HEALTH_SHARE).value == 0.9


def test_the_task_stores_them_for_the_scope_that_runs(server, settings):
    store_readings()
    assert Reading.objects.in_scope(settings.ARB.scope).filter(kind=ReadingKind.CANARY_AGE_S, subject="beat").exists()


def test_two_workers_never_store_the_same_instant_twice(server):

    def store_beside() -> int:
        return readings.store(SIM)

    with readings.advisory(f"readings:{SIM}") as is_ours:
        assert is_ours
        assert in_another_session(store_beside) == 0


def test_beat_has_the_task_done_every_half_minute():
    entry = next(entry for entry in ENTRIES if entry.task == store_readings.name)
    assert (entry.due, entry.queue) == (30, Queue.SCAN)
