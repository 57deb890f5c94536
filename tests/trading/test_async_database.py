"""A session with PostgreSQL in an event loop: whoever is cancelled ends at once, be the server away."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from psycopg.conninfo import conninfo_to_dict

from trading.async_database import Session
from trading.services.stream.watch_lock import conninfo

pytestmark = pytest.mark.django_db


class Way:
    """A way to the database that can be closed: what is sent then gets nowhere, and no connection ends."""

    def __init__(self):
        self.is_open = asyncio.Event()
        self.is_open.set()
        there = conninfo_to_dict(conninfo())
        self._there = there.get("host", "127.0.0.1"), there.get("port", 5432)

    async def lead(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection(*self._there)
        try:
            await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))
        finally:
            there_writer.close()
            writer.close()

    async def _carry(self, reader, writer):
        while data := await reader.read(1 << 16):
            await self.is_open.wait()
            writer.write(data)
        writer.close()


@asynccontextmanager
async def session_by_a_way():
    way = Way()
    server = await asyncio.start_server(way.lead, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, await Session.connect(conninfo(host=host, port=str(port)), autocommit=True) as session:
        yield session, way
        way.is_open.set()


async def ask(session):
    await session.execute("SELECT 1")


async def ask_in_a_transaction(session):
    async with session.transaction():
        await session.execute("SELECT 1")


async def listen(session):
    async with session:
        await session.execute("LISTEN nobody")
        async for _ in session.notifies():
            pass


@pytest.mark.parametrize("work", [ask, ask_in_a_transaction, listen])
async def test_who_is_cancelled_while_the_server_is_away_ends_at_once(work):
    async with session_by_a_way() as (session, way):
        way.is_open.clear()
        await cancelled_soon(work(session))
        assert session.closed


async def test_who_is_cancelled_while_the_server_has_nothing_to_say_ends_at_once():
    async with session_by_a_way() as (session, _):
        await cancelled_soon(listen(session))
        assert session.closed


async def test_a_session_is_asked_again_and_again():
    async with session_by_a_way() as (session, _):
        for number in range(3):
            cursor = await session.execute("SELECT %s", [number])
            assert await cursor.fetchone() == (number,)


async def cancelled_soon(work):
    doing = asyncio.ensure_future(work)
    await asyncio.wait({doing}, timeout=0.1)
    doing.cancel()
    await asyncio.wait({doing}, timeout=3)
    assert doing.cancelled()
