"""Paper orders that wait for their book are heard of, whatever happens to the session that listens."""

import asyncio

import pytest
from django.db import connection

from domain.market import Pair
from domain.partition import Deal
from tests.fakes import BTC_USD, SIM, book
from tests.trading.services.conftest import Line
from trading.models import Order
from trading.services.execution.open import OBSERVATION_CHANNEL
from trading.services.stream.requests import follow_requests
from trading.services.writer import Writer

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


@pytest.fixture
def writer():
    writer = Writer()
    writer.start()
    yield writer
    writer.stop(timeout_s=60)


async def in_database(act):
    """Run ``act`` in a thread with a session of its own."""

    def run():
        try:
            return act()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def notify(payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [OBSERVATION_CHANNEL, payload])


def listeners(*, then: str = "count(*)") -> int:
    """Return how many sessions listen on the channel, or what ``then`` makes of each."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {then} FROM pg_stat_activity WHERE datname = current_database() AND query = %s",
            [f"LISTEN {OBSERVATION_CHANNEL}"],
        )
        return cursor.fetchone()[0]


async def until_listening() -> None:
    for _ in range(6_000):
        if await in_database(listeners):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody listens")


async def until(condition) -> None:
    for _ in range(6_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


def open_one() -> set[int]:
    Line().open(*CROSSED)
    return set(Order.objects.values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
async def test_an_order_is_heard_of_after_nonsense_on_the_channel_and_the_end_of_the_session(writer):
    heard = []
    following = asyncio.create_task(follow_requests(heard.append, scope=SIM, writer=writer))
    await until_listening()
    await in_database(lambda: notify("nonsense"))
    await asyncio.sleep(0.1)
    assert not following.done()
    await in_database(lambda: listeners(then="pg_terminate_backend(pid, 60000)"))
    orders = await in_database(open_one)
    await until(lambda: {request.order_id for request in heard} == orders)
    assert not following.done()
    following.cancel()
    await asyncio.wait([following])


@pytest.mark.django_db(transaction=True)
async def test_of_two_streams_that_share_the_pairs_one_takes_each_order(writer):
    orders = await in_database(open_one)
    shares = Deal((Pair.parse("ETH/USD"), BTC_USD), 2).shares()
    heard = [[], []]
    following = [
        asyncio.create_task(follow_requests(taken.append, scope=SIM, writer=writer, share=share))
        for taken, share in zip(heard, shares, strict=True)
    ]
    await until(lambda: writer.counts["fill_requests"] == 2)
    await until(lambda: heard[1])
    assert ([], orders) == (heard[0], {request.order_id for request in heard[1]})
    for one in following:
        one.cancel()
    await asyncio.wait(following)
