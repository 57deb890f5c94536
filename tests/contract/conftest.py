"""Every venue's source against its double: one rig, whatever the venue."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from domain.market import Book, Pair
from domain.secret import Secret
from simulator.accounts import ALPACA_DATA
from simulator.faults import Channel, Fault, FaultKind
from simulator.server import Doubles, SimulatorConfig, serve
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.alpaca.feed import CODEC_HEADERS, AlpacaFeed, AlpacaFeedSettings
from trading.venues.base import MarketSource
from trading.venues.connection import SocketSettings
from trading.venues.kraken.feed import KrakenFeed, KrakenFeedSettings

BTC_USD, ETH_USD = Pair.parse("BTC/USD"), Pair.parse("ETH/USD")
PAIRS = (BTC_USD, ETH_USD)
MAX_AGE_MS = 2000
PATIENCE_S = 60.0


def _socket(url: str, headers: dict[str, str] | None = None) -> SocketSettings:
    return SocketSettings(
        url, open_timeout_s=1.0, silence_s=1.6, first_wait_s=0.02, longest_wait_s=0.1, headers=headers or {}
    )


def kraken_source(doubles: Doubles, *, max_age_ms: int = MAX_AGE_MS) -> MarketSource:
    """Return Kraken's source, pointed at its double."""
    settings = KrakenFeedSettings(
        _socket(doubles.urls.kraken_ws), doubles.urls.kraken_rest, max_age_ms, resync_gap_ms=50, rest_timeout_s=2.0
    )
    return KrakenFeed(settings, clock=SYSTEM_CLOCK, rng=Random(7))


def alpaca_source(doubles: Doubles, *, max_age_ms: int = MAX_AGE_MS, secret: str = ALPACA_DATA.secret) -> MarketSource:
    """Return Alpaca's source, pointed at its double."""
    settings = AlpacaFeedSettings(
        _socket(doubles.urls.alpaca_stream, CODEC_HEADERS),
        doubles.urls.alpaca_data,
        Secret(ALPACA_DATA.key),
        Secret(secret),
        max_age_ms,
        resync_gap_ms=50,
        rest_timeout_s=2.0,
    )
    return AlpacaFeed(settings, clock=SYSTEM_CLOCK, rng=Random(7))


SOURCES: dict[str, Callable[..., MarketSource]] = {"kraken": kraken_source, "alpaca": alpaca_source}


class Rig:
    """One source that streams from the doubles, and every book that it handed on."""

    def __init__(self, doubles: Doubles, source: MarketSource) -> None:
        self.doubles = doubles
        self.source = source
        self.books: list[Book] = []
        self.task: asyncio.Task[None] | None = None

    def stream(self, *pairs: Pair) -> None:
        """Begin to stream."""
        self.task = asyncio.create_task(self.source.stream(pairs or PAIRS, self.books.append))

    async def stop(self) -> None:
        """Stop streaming."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds, or fail with the feed's own account of itself."""
        for _ in range(int(PATIENCE_S / 0.01)):
            if condition():
                return
            if self.task is not None and self.task.done():
                self.task.result()
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came to be: {self.source.status}")

    async def until_books(self, count: int = 5) -> None:
        """Wait until so many more books have come."""
        so_far = len(self.books)
        await self.until(lambda: len(self.books) >= so_far + count)

    async def until_refused(self, reason: str) -> None:
        """Wait until the feed has counted ``reason``."""
        await self.until(lambda: self.source.status.refused.get(reason, 0) > 0)

    async def until_trouble(self, reason: str) -> None:
        """Wait until the feed has counted ``reason`` against its connection."""
        await self.until(lambda: self.source.status.trouble.get(reason, 0) > 0)

    def strike(self, kind: FaultKind, *, value: float = 0.0, channel: Channel = Channel.BOTH) -> None:
        """Let the venue misbehave until ``relent``."""
        self.doubles.faults.add(Fault(kind, self.source.venue, 0.0, 3600.0, value, channel))

    def relent(self) -> None:
        """Let the venue behave again."""
        self.doubles.faults.clear()


@asynccontextmanager
async def rig_for(venue: str) -> AsyncIterator[Rig]:
    """Open the doubles and a rig on ``venue`` for the time of the block."""
    async with await serve(SimulatorConfig(pairs=PAIRS, incident_at_s=None)) as doubles:
        rig = Rig(doubles, SOURCES[venue](doubles))
        try:
            yield rig
        finally:
            await rig.stop()


@pytest.fixture(params=sorted(SOURCES))
def venue(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return each venue in turn."""
    return request.param


@pytest.fixture
async def rig(venue: str) -> AsyncIterator[Rig]:
    """Return a rig on each venue in turn."""
    async with rig_for(venue) as opened:
        yield opened
