"""Threads that nobody waits for at the end."""

import asyncio
import threading

import pytest

from trading.daemon_threads import DaemonExecutor


@pytest.fixture
def never():
    """What does not happen while a test runs."""
    happens = threading.Event()
    yield happens
    happens.set()


async def through_an_executor(work):
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())
    return await asyncio.to_thread(work)


def test_what_a_call_returns_or_raises_reaches_whoever_asked():
    def fail():
        raise OSError("no such name")

    assert asyncio.run(through_an_executor(lambda: 7)) == 7
    with pytest.raises(OSError, match="no such name"):
        asyncio.run(through_an_executor(fail))


def test_a_loop_ends_while_a_call_goes_on(never):
    async def cut_short():
        async with asyncio.timeout(0.01):
            await through_an_executor(never.wait)

    with pytest.raises(TimeoutError):
        asyncio.run(cut_short())
    assert not never.is_set()


def test_many_calls_go_on_side_by_side(never):
    async def ask_beside_many():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonExecutor())
        for _ in range(40):
            loop.run_in_executor(None, never.wait)
        return await asyncio.to_thread(lambda: "answered")

    assert asyncio.run(ask_beside_many()) == "answered"
