"""Venues under load: what they say they sent is what the production adapters take, book by book."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import aiohttp
import pytest

from arbsite import config
from arbsite.config.tree import Venues
from domain.book import validate
from domain.errors import BadInput
from domain.market import Book
from simulator.instruments import ALPACA, KRAKEN
from simulator.load.cycles import cycles_of, load_pairs
from simulator.load.double import TICK_S, LoadConfig, LoadDouble, Pace
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues import registry
from trading.venues.base import MarketSource

SMALL = LoadConfig(venues=4, books=3, per_s=300.0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


def venues_of(double: LoadDouble) -> Venues:
    return config.load(double.variables(), None, checkout=Path(), state_dir=Path()).venues


def sources_of(double: LoadDouble) -> tuple[MarketSource, ...]:
    return registry.market_sources(venues_of(double), clock=SYSTEM_CLOCK, rng=Random(1), max_age_ms=30_000)


@pytest.mark.parametrize("adapter", [KRAKEN, ALPACA])
def test_a_cycle_is_of_sound_books_that_differ_from_each_to_the_next(adapter: str) -> None:
    for cycle in cycles_of(adapter, load_pairs(12), seed=3):
        for at, book in enumerate(cycle.books):
            validate(book)
            after = cycle.books[cycle.after(at)]
            assert (book.bids, book.asks) != (after.bids, after.asks)


async def test_nothing_is_lost_between_the_doubles_and_the_adapters() -> None:
    books: list[Book] = []
    async with LoadDouble(SMALL) as double:
        sources = sources_of(double)
        pairs = [instrument.pair for instrument in load_pairs(SMALL.books)]
        tasks = [asyncio.create_task(source.stream(pairs, books.append)) for source in sources]
        await until(lambda: double.counts()["sessions"] == SMALL.venues and len(books) > 200)
        double.pace.burst(3_000.0, 0.3)
        await until(lambda: len(books) > 600)
        double.pace.set(0.0)
        await until(lambda: not double.pace.is_bursting)
        await asyncio.sleep(3 * TICK_S)  # what was owed by then has gone
        await until(lambda: len(books) == double.counts()["sent"])
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert double.counts()["by_venue"] == Counter(book.venue for book in books)
    assert {book.venue for book in books} == {"kraken", "alpaca", "k2", "a2"}
    assert all(source.status.refused == {} for source in sources)


async def test_every_venue_lists_its_pairs_to_the_adapters() -> None:
    async with LoadDouble(SMALL) as double:
        asked = registry.account_sources(venues_of(double), (), clock=SYSTEM_CLOCK)
        wanted = {instrument.pair for instrument in load_pairs(SMALL.books)}
        for source in asked.values():
            listed = await asyncio.to_thread(source.listings)
            assert {listing.pair for listing in listed} == wanted


async def test_the_pace_is_set_and_counts_are_read_from_outside() -> None:
    async with LoadDouble(SMALL) as double, aiohttp.ClientSession() as http:
        async with http.post(double.control_url, json={"burst_per_s": 10, "for_s": 60}) as answer:
            assert (await answer.json())["is_bursting"] is True
        async with http.post(double.control_url, json={"for_s": 60}) as answer:
            assert answer.status == 400
        async with http.get(double.control_url) as answer:
            assert (await answer.json())["sent"] == 0


def test_a_pace_owes_what_its_rates_come_to_however_often_it_is_asked() -> None:
    at_s = 0.0
    pace = Pace(100.0, lambda: at_s)
    total = 0
    for step in range(1, 401):
        if step == 101:
            pace.burst(1_000.0, 0.5)
        at_s = step / 100
        total += pace.due()
    assert total in (849, 850)  # 3.5 s at 100 and half a second at 1,000


def test_a_load_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="1 venues"):
        LoadConfig(venues=1)
    with pytest.raises(BadInput, match="updates a second"):
        LoadConfig(per_s=-1)
