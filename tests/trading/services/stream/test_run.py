"""Work that goes on until a person stops it."""

import asyncio
import signal
import socket
import threading

import pytest

from domain.errors import Refused
from trading.services.stream.run import until_stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_waits_for_no_name_that_nobody_resolves(monkeypatch, number):
    answered, asked = threading.Event(), threading.Event()

    def resolve(*args, **options):
        asked.set()
        answered.wait(10)
        return []

    async def connect_then_stop():
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, number)
        await asyncio.open_connection("nowhere.invalid", 1)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    late = threading.Timer(3, answered.set)
    late.start()
    asyncio.run(until_stopped(connect_then_stop()))
    assert asked.is_set() and not answered.is_set()
    late.cancel()
    answered.set()


def test_of_many_errors_that_come_at_once_one_of_ours_is_raised():
    async def refuse():
        raise Refused("another watches")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())

    with pytest.raises(Refused, match="another watches"):
        asyncio.run(until_stopped(work()))
