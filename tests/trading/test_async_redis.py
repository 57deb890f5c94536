"""A client of Redis in an event loop: what is cancelled ends."""

import asyncio
from contextlib import aclosing
from itertools import count

from django.conf import settings

from domain.scope import Mode, Scope
from tests.fakes import book
from trading.async_redis import async_client, in_time
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.venue_teller import VenueBoardWriter

SIM = Scope(Mode.SIM)


async def test_an_exchange_that_is_cancelled_at_any_instant_ends_there_and_the_next_is_answered():
    async with aclosing(async_client(settings.ARB.redis_url)) as client:

        async def exchange(word):
            async with in_time():
                return await client.echo(word)

        await exchange("connected")
        for turn in count():  # of the loop
            asking = asyncio.ensure_future(exchange(f"cut off at {turn}"))
            for _ in range(turn):
                await asyncio.sleep(0)
            was_cancelled = asking.cancel()  # False where it had been answered
            await asyncio.wait({asking})
            assert asking.cancelled() is was_cancelled
            assert await exchange(f"after {turn}") == f"after {turn}".encode()
            if not was_cancelled:
                break  # every earlier instant has been cut into
    assert turn > 1


async def test_a_server_that_takes_everything_and_answers_nothing_holds_no_writer_up(monkeypatch):
    async def take_all(reader, writer):
        await reader.read()
        writer.close()

    monkeypatch.setattr("trading.async_redis.ANSWER_WITHIN_S", 0.05)
    async with await asyncio.start_server(take_all, "127.0.0.1", 0) as server, asyncio.timeout(60):
        host, port = server.sockets[0].getsockname()
        async with aclosing(async_client(f"redis://{host}:{port}")) as client:
            cache = PriceCache(client, SIM)
            cache.put(book("kraken", "99", "100"))
            await cache.flush()
            assert not cache.is_available
            assert not await VenueBoardWriter(client, SIM).tell([])
