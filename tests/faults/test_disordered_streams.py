"""A connection that swaps, loses or doubles frames: books that it tore are refused by name, and whole ones come again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import count
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from domain.book import check
from domain.market import Level
from simulator.faults import FaultKind
from simulator.server import SimulatorConfig
from simulator.server import serve as serve_doubles
from tests.contract.conftest import BTC_USD, MAX_AGE_MS, PAIRS, SOURCES, Rig
from trading.venues.alpaca.feed import CODEC_HEADERS

Frame = str | bytes
ADDRESSES = {"kraken": "kraken_ws", "alpaca": "alpaca_stream"}


class Disorder:
    """What happens to the frames on their way to us while it is on."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._number = count(1)
        self._held: Frame | None = None
        self.is_on = False

    def passed(self, frame: Frame) -> Iterator[Frame]:
        """Yield what arrives for ``frame``."""
        if self._held is not None:
            yield from (frame, self._held)
            self._held = None
        elif not self.is_on or next(self._number) % 4:
            yield frame
        elif self._kind == "swapped":
            self._held = frame
        elif self._kind == "doubled":
            yield from (frame, frame)


@asynccontextmanager
async def rig_behind(venue: str, disorder: Disorder) -> AsyncIterator[Rig]:
    """Open the doubles and a rig whose stream comes through a disorderly connection."""
    async with await serve_doubles(SimulatorConfig(pairs=PAIRS, incident_at_s=None)) as doubles:
        upstream = getattr(doubles.urls, ADDRESSES[venue])

        async def relay(client: ServerConnection) -> None:
            async with connect(upstream, additional_headers=CODEC_HEADERS if venue == "alpaca" else {}) as server:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(client, server, lambda frame: iter((frame,))))
                    group.create_task(_pump(server, client, disorder.passed))

        async with serve(relay, "127.0.0.1", 0) as relaying:
            port = relaying.sockets[0].getsockname()[1]
            path = upstream.partition("://")[2].partition("/")[2]
            urls = replace(doubles.urls, **{ADDRESSES[venue]: f"ws://127.0.0.1:{port}/{path}"})
            rig = Rig(doubles, SOURCES[venue](SimpleNamespace(urls=urls)))
            try:
                yield rig
            finally:
                await rig.stop()


async def _pump(source: Connection, target: Connection, passed: Callable[[Frame], Iterator[Frame]]) -> None:
    try:
        async for frame in source:
            for one in passed(frame):
                await target.send(one)
    except ConnectionClosed:
        return
    finally:
        await target.close()


@pytest.mark.parametrize(
    ("venue", "kind", "reason"),
    [
        ("kraken", "swapped", "checksum"),
        ("kraken", "lost", "checksum"),
        ("alpaca", "swapped", "out_of_order"),
    ],
)
async def test_a_torn_book_is_told_by_its_reason_and_is_whole_again_afterwards(
    venue: str, kind: str, reason: str
) -> None:
    disorder = Disorder(kind)
    async with rig_behind(venue, disorder) as rig:
        rig.stream(BTC_USD)
        await rig.until_books(5)
        disorder.is_on = True
        await rig.until(lambda: rig.source.status.refused.get(reason, 0) >= 3)
        disorder.is_on = False
        await rig.until_books(10)
        await assert_true(rig)


@pytest.mark.parametrize("venue", sorted(ADDRESSES))
async def test_a_frame_that_comes_twice_does_no_harm(venue: str) -> None:
    disorder = Disorder("doubled")
    async with rig_behind(venue, disorder) as rig:
        rig.stream(BTC_USD)
        await rig.until_books(5)
        disorder.is_on = True
        await rig.until_books(20)
        await assert_true(rig)
        assert rig.source.status.refused == {}


async def assert_true(rig: Rig) -> None:
    """Fail unless every book was sound and the last one the venue's own, as deep as Kraken's checksum reaches."""
    for book in rig.books:
        check(book, now_ns=book.seen_at_ns, max_age_ms=MAX_AGE_MS)
    rig.strike(FaultKind.STALE)
    await asyncio.sleep(0.3)
    (shown,) = await rig.source.snapshot([BTC_USD])
    last = rig.books[-1]
    assert best(shown.bids) == best(last.bids)
    assert best(shown.asks) == best(last.asks)


def best(levels: tuple[Level, ...]) -> list[tuple[Decimal, Decimal]]:
    """Return the ten best levels with as many decimals of the quantity as Kraken's REST gives."""
    return [(price, quantity.quantize(Decimal("0.001"), ROUND_DOWN)) for price, quantity in levels[:10]]
