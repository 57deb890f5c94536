"""Redis that may be away: asked shortly, left alone after a failure, and found again."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from domain.errors import Unreachable
from trading.venues.shared_store import SharedStore


@pytest.fixture
async def client() -> AsyncIterator["redis.asyncio.Redis"]:
    opened = redis.asyncio.Redis()  # never connected to: the questions answer by themselves
    yield opened
    await opened.aclose()


async def answered(_: "redis.asyncio.Redis") -> str:
    return "pong"


async def lost(_: "redis.asyncio.Redis") -> str:
    raise RedisConnectionError


async def frozen(_: "redis.asyncio.Redis") -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def while_we_are_busy(_: "redis.asyncio.Redis") -> str:
    time.sleep(0.05)  # noqa: ASYNC251 - stands for work of ours that holds up the loop
    return await frozen(_)


@pytest.mark.parametrize("question", [lost, frozen])
async def test_an_outage_is_told_once_and_redis_left_alone_by_all_who_share_the_client(
    client: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch, question
) -> None:
    monkeypatch.setattr("trading.venues.shared_store.ANSWER_IN_S", 0.5)
    one, other = SharedStore(client, purpose="one"), SharedStore(client, purpose="other")
    assert await one.ask(answered) == "pong"
    with capture_logs() as logs:
        for store in (one, other, one):
            with pytest.raises(Unreachable, match=r"(one|other): Redis is away"):
                await store.ask(question if store is one else answered)
    assert [line["event"] for line in logs] == ["shared_store_lost"]
    assert not one.is_there
    assert not other.is_there


async def test_redis_that_answers_again_is_there_again(
    client: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.shared_store.LEFT_ALONE_S", 0.0)
    store = SharedStore(client, purpose="test")
    with pytest.raises(Unreachable):
        await store.ask(lost)
    assert await store.ask(answered) == "pong"
    assert store.is_there


async def test_being_late_ourselves_is_no_outage(
    client: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.shared_store.ANSWER_IN_S", 0.02)
    store = SharedStore(client, purpose="test")
    with pytest.raises(Unreachable):
        await store.ask(while_we_are_busy)
    assert store.is_there
    assert await store.ask(answered) == "pong"


async def test_without_redis_nothing_is_shared() -> None:
    store = SharedStore(None, purpose="test")
    with pytest.raises(Unreachable, match="test: Redis is away"):
        await store.ask(answered)
    assert not store.is_there


async def test_a_fault_of_our_own_is_not_taken_for_an_outage(client: "redis.asyncio.Redis") -> None:
    async def broken(_: "redis.asyncio.Redis") -> str:
        raise KeyError("ours")

    store = SharedStore(client, purpose="test")
    with pytest.raises(KeyError, match="ours"):
        await store.ask(broken)
    assert store.is_there
