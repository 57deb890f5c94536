"""A client of Redis in an event loop: what is cancelled ends."""

import asyncio
from contextlib import aclosing
from itertools import count

from django.conf import settings

from trading.async_redis import async_client, in_time


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
