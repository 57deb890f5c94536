"""All sources side by side."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random

from domain.errors import BadMarketData, Refused
from domain.market import Book, Level, Pair
from tests.fakes import NOW_NS, FixedClock
from trading.marketdata.feeds import Feeds
from trading.venues.base import FeedStatus, OnChange
from trading.venues.health import FeedHealth

PAIR = Pair.parse("BTC/USD")


class ScriptedSource:
    """A source that gives one book and then does what its script says."""

    def __init__(self, venue: str, ends: Sequence[Exception | None]) -> None:
        self.venue = venue
        self.runs = 0
        self._ends = list(ends)
        self._health = FeedHealth(venue, origin=venue)

    @property
    def status(self) -> FeedStatus:
        return self._health.status()

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        self.runs += 1
        self._health.sound(venue_at_ns=NOW_NS, seen_at_ns=NOW_NS - 7_000_000)
        side = (Level(Decimal(1), Decimal(1)),)
        on_change(Book(self.venue, pairs[0], side, side, NOW_NS, NOW_NS, self.runs))
        end = self._ends.pop(0) if self._ends else None
        if end is not None:
            raise end
        await asyncio.Event().wait()

    async def snapshot(self, pairs: Sequence[Pair]) -> list[Book]:
        return []


async def run_until(feeds: Feeds, condition: Callable[[], bool]) -> None:
    task = asyncio.create_task(feeds.run())
    for _ in range(12_000):
        if condition():
            break
        await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert condition()


def feeds_over(*sources: ScriptedSource, on_change: OnChange) -> Feeds:
    pairs = {source.venue: [PAIR] for source in sources}
    return Feeds(sources, pairs, on_change, clock=FixedClock(), rng=Random(1), first_restart_s=0.01)


async def test_a_source_that_fails_is_started_again_and_stops_no_other() -> None:
    books: list[Book] = []
    broken = ScriptedSource("kraken", [RuntimeError("a bug"), Refused("402 auth failed")])
    steady = ScriptedSource("alpaca", [])
    feeds = feeds_over(broken, steady, on_change=books.append)
    await run_until(feeds, lambda: broken.runs == 3)
    assert steady.runs == 1
    assert [book.seq for book in books if book.venue == "kraken"] == [1, 2, 3]
    kraken, alpaca = feeds.statuses()
    assert (kraken.restarts, kraken.last_error) == (2, "402 auth failed")
    assert (alpaca.restarts, alpaca.last_error, alpaca.age_ms) == (0, "", 7)


async def test_a_book_that_is_refused_later_is_counted_and_the_feed_goes_on() -> None:
    def refuse(_: Book) -> None:
        raise BadMarketData("out_of_order")

    source = ScriptedSource("kraken", [])
    feeds = feeds_over(source, on_change=refuse)
    await run_until(feeds, lambda: bool(feeds.statuses()[0].refused_later))
    (status,) = feeds.statuses()
    assert (status.refused_later, status.restarts) == ({"out_of_order": 1}, 0)


def test_before_the_first_book_there_is_no_age() -> None:
    source = ScriptedSource("kraken", [])
    (status,) = feeds_over(source, on_change=lambda book: None).statuses()
    assert status.age_ms is None and not status.is_connected
