"""One budget over all processes: token buckets in Redis, and within a process where Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis.asyncio
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.errors import BadInput, Unreachable
from trading.venues.budget import ALONE, Allowance, Budget, LocalBucket, budget_key

NAME = "test"
UNREACHABLE = "redis://127.0.0.1:1/0"


async def no_sleep(_: float) -> None:
    """Time stands still for the tests: what counts is the wait that was asked for."""


@asynccontextmanager
async def client(url: str | None = None) -> AsyncIterator["redis.asyncio.Redis"]:
    opened = redis.asyncio.Redis.from_url(url or settings.ARB.redis_url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["redis.asyncio.Redis"]:
    monkeypatch.setattr("trading.venues.shared_store.ANSWER_IN_S", 10.0)  # a busy machine is no outage
    async with client() as opened:
        await opened.delete(budget_key(NAME))
        yield opened
        await opened.delete(budget_key(NAME))


async def test_four_processes_spend_from_one_bucket(server: "redis.asyncio.Redis") -> None:
    allowance = Allowance(per_s=20, burst=5)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client()) for _ in range(4)]
        budgets = [Budget(NAME, allowance, redis=one, most_wait_s=60, sleep=no_sleep) for one in clients]
        began_s = time.monotonic()
        for turn in range(40):
            await budgets[turn % 4].take()
        elapsed_s = time.monotonic() - began_s
    assert all(budget.is_shared for budget in budgets)
    assert sum(budget.taken for budget in budgets) == 40
    waits_s = sum(budget.waited_s for budget in budgets)
    waits_at_once_s = sum(turn / 20 for turn in range(1, 36))  # had no time passed between the first turn and the last
    assert waits_at_once_s - 40 * elapsed_s <= waits_s <= waits_at_once_s + 0.001


async def test_turns_taken_at_once_all_differ(server: "redis.asyncio.Redis") -> None:
    waits_s: list[float] = []

    async def note(wait_s: float) -> None:
        waits_s.append(wait_s)

    budget = Budget(NAME, Allowance(per_s=0.01, burst=1), redis=server, most_wait_s=10_000, sleep=note)
    await asyncio.gather(*(budget.take() for _ in range(10)))
    assert [round(wait_s / 100) for wait_s in sorted(waits_s)] == list(range(1, 10))


async def test_a_turn_too_far_off_is_not_spent(server: "redis.asyncio.Redis") -> None:
    budget = Budget(NAME, Allowance(per_s=0.01, burst=2), redis=server, most_wait_s=300, sleep=no_sleep)
    await budget.take(5)
    before = await server.get(budget_key(NAME))
    with pytest.raises(Unreachable, match=r"the budget of test is spent: the next turn comes in [345]\d\d\.\d s"):
        await budget.take(2)
    assert await server.get(budget_key(NAME)) == before
    assert budget.taken == 5


async def test_a_spent_bucket_is_forgotten_once_it_is_full_again(server: "redis.asyncio.Redis") -> None:
    allowance = Allowance(per_s=0.1, burst=1)
    await Budget(NAME, allowance, redis=server, most_wait_s=1_000, sleep=no_sleep).take(20)
    assert 140_000 <= await server.pttl(budget_key(NAME)) <= 201_001


@pytest.mark.parametrize("url", [None, UNREACHABLE])
async def test_without_redis_each_process_takes_a_part_and_says_so(url: str | None) -> None:
    async with AsyncExitStack() as stack:
        away = await stack.enter_async_context(client(url)) if url else None
        with capture_logs() as logs:
            budget = Budget(NAME, Allowance(per_s=10, burst=10), redis=away, most_wait_s=60, sleep=no_sleep)
            began_s = time.monotonic()
            for _ in range(3):
                await budget.take(10)
            elapsed_s = time.monotonic() - began_s
    assert not budget.is_shared
    waits_at_once_s = sum((10 * n - 10 * ALONE) / (10 * ALONE) for n in (1, 2, 3))
    assert waits_at_once_s - 3 * elapsed_s - 0.001 <= budget.waited_s <= waits_at_once_s + 0.001
    assert [line["event"] for line in logs] == (["shared_store_lost"] if url else [])


async def test_a_frozen_redis_holds_up_one_turn_alone() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    frozen = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = frozen.sockets[0].getsockname()[1]
    async with frozen, client(f"redis://127.0.0.1:{port}/0") as away:
        budget = Budget(NAME, Allowance(per_s=1000, burst=100), redis=away)
        for _ in range(20):
            await budget.take()
    assert (budget.taken, budget.is_shared) == (20, False)


async def test_redis_that_is_back_is_shared_again(
    server: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.shared_store.LEFT_ALONE_S", 0.0)
    async with client(UNREACHABLE) as away:
        budget = Budget(NAME, Allowance(per_s=1000, burst=100), redis=away)
        await budget.take()
        assert not budget.is_shared
        away.connection_pool, own = server.connection_pool, away.connection_pool
        await budget.take()
        away.connection_pool = own
    assert budget.is_shared
    assert await server.exists(budget_key(NAME))


@given(limit=st.integers(1, 1000), gaps_s=st.lists(st.floats(0, 0.4), min_size=1, max_size=120))
def test_no_second_ever_holds_more_than_the_limit(limit: int, gaps_s: list[float]) -> None:
    bucket, now_s, instants_s = LocalBucket(Allowance.within(limit)), 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        for _ in range(max(1, limit // 20)):
            _, wait_s = bucket.take(1, now_s=now_s, most_wait_s=1e9)
            instants_s.append(now_s + wait_s)
    for first, instant_s in enumerate(instants_s):
        within = [later for later in instants_s[first : first + limit + 1] if later < instant_s + 1 - 1e-6]
        assert len(within) <= limit


@pytest.mark.parametrize(("per_s", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (float("inf"), 1), (1, 0)])
def test_a_budget_that_allows_nothing_is_named(per_s: float, burst: int) -> None:
    with pytest.raises(BadInput, match="allows nothing"):
        Allowance(per_s, burst)
