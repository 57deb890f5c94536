"""Answers of venues, as the network brings them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from domain.errors import Unreachable
from trading.venues import rest
from trading.venues.rest import RestClient, rest_client


@asynccontextmanager
async def venue(*pieces: bytes, cut: bool = False) -> AsyncIterator[tuple[RestClient, Callable[[], None]]]:
    """Serve one answer piece by piece: the first at once, the others once the caller says so."""
    goes_on = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = sum(map(len, pieces)) + cut
        await response.prepare(request)
        await response.write(pieces[0])
        await goes_on.wait()
        for piece in pieces[1:]:
            await response.write(piece)
        if cut and request.transport is not None:
            request.transport.close()
        return response

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    try:
        async with rest_client(f"http://{host}:{port}", timeout_s=10, headers={}) as client:
            yield client, goes_on.set
    finally:
        await runner.cleanup()


async def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    async with venue(b"one", b" two") as (client, go_on):
        reading = asyncio.ensure_future(client.read("/", {}))
        await asyncio.sleep(0.1)
        assert not reading.done()
        go_on()
        assert await reading == b"one two"


async def test_an_answer_larger_than_one_buffer_is_read_to_its_end() -> None:
    body = bytes(1_000_000)
    async with venue(body) as (client, go_on):
        go_on()
        assert await client.read("/", {}) == body


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "LARGEST_BODY", 1 << 20)
    async with venue(*[bytes(1 << 19)] * 3) as (client, go_on):
        go_on()
        with pytest.raises(Unreachable, match="more than 1 MB"):
            await client.read("/", {})


async def test_an_answer_that_ends_early_is_no_answer() -> None:
    async with venue(b"one", cut=True) as (client, go_on):
        go_on()
        with pytest.raises(Unreachable, match="cut off"):
            await client.read("/", {})
