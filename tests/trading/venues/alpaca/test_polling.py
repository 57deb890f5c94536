"""Alpaca's books without a key: asked for at a pace, handed on when they changed, never otherwise."""

import asyncio
import itertools
from collections.abc import Sequence
from random import Random
from typing import Self

import pytest

from domain.errors import BadInput, Refused
from domain.market import Book, Pair
from simulator.faults import Channel, Fault, FaultKind
from simulator.server import Doubles
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.alpaca.polling import AlpacaRestFeed, AlpacaRestSettings

PAIRS = (Pair.parse("BTC/USD"), Pair.parse("ETH/USD"))
POLL_MS = 40


def polled(doubles: Doubles, *, venue: str = "alpaca") -> AlpacaRestFeed:
    settings = AlpacaRestSettings(doubles.urls.alpaca_data, POLL_MS, 2000, rest_timeout_s=2.0, venue=venue)
    return AlpacaRestFeed(settings, clock=SYSTEM_CLOCK, rng=Random(1))


class Listening:
    """A feed that streams, and the books it handed on."""

    def __init__(self, feed: AlpacaRestFeed, pairs: Sequence[Pair] = PAIRS) -> None:
        self.feed = feed
        self.books: list[Book] = []
        self.task = asyncio.create_task(feed.stream(pairs, self.books.append))

    async def until(self, condition) -> None:
        for _ in range(6_000):
            if condition():
                return
            assert not self.task.done(), self.task.exception()
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came to be: {self.feed.status}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def test_books_come_without_a_key_and_their_pace_is_told(doubles: Doubles) -> None:
    async with Listening(polled(doubles, venue="a7")) as listening:
        await listening.until(lambda: len({book.pair for book in listening.books}) == 2 and len(listening.books) > 6)
    status = listening.feed.status
    assert (status.venue, status.origin, status.polled_every_ms) == ("a7", "alpaca", POLL_MS)
    assert status.connected_at_ns is not None
    assert {book.venue for book in listening.books} == {"a7"}


async def test_only_what_changed_is_handed_on_and_always_forward(doubles: Doubles) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 8)
    for pair in PAIRS:
        of_pair = [book for book in listening.books if book.pair == pair]
        instants = [book.venue_at_ns for book in of_pair]
        assert instants == sorted(set(instants))
        assert all(before.seq < after.seq for before, after in itertools.pairwise(of_pair))


async def test_a_venue_that_stands_still_is_heard_but_hands_on_nothing(doubles: Doubles) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 2)
        doubles.faults.add(Fault(FaultKind.STALE, "alpaca", 0.0, 3600.0))
        heard = listening.feed.status.messages
        await listening.until(lambda: listening.feed.status.messages > heard + 3)
        so_far, heard = len(listening.books), listening.feed.status.messages
        await listening.until(lambda: listening.feed.status.messages > heard + 3)
        assert len(listening.books) == so_far


async def test_a_clock_that_was_ahead_does_not_make_later_books_look_out_of_order(doubles: Doubles) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 2)
        doubles.faults.add(Fault(FaultKind.CLOCK_SKEW, "alpaca", 0.0, 3600.0, 3600.0))
        await listening.until(lambda: listening.feed.status.refused.get("future", 0) > 0)
        doubles.faults.clear()
        so_far = len(listening.books)
        await listening.until(lambda: len(listening.books) > so_far + 2)


async def test_a_quiet_book_is_handed_on_again_as_of_the_question_until_it_is_doubted(doubles: Doubles) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 60)
        doubles.faults.add(Fault(FaultKind.STALE, "alpaca", 0.0, 3600.0))
        await listening.until(lambda: listening.feed.status.confirmed >= 2)
        await listening.until(lambda: listening.feed.status.refused.get("stale", 0) > 0)
    for pair in PAIRS:
        of_pair = [book for book in listening.books if book.pair == pair]
        for before, after in itertools.pairwise(of_pair):
            assert (before.venue_at_ns, before.seen_at_ns, before.seq) < (
                after.venue_at_ns,
                after.seen_at_ns,
                after.seq,
            )
        assert all(book.seen_at_ns - book.venue_at_ns <= 2 * 10**9 for book in of_pair)


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.RATE_LIMIT, FaultKind.DISCONNECT])
async def test_an_outage_is_counted_and_waited_out(doubles: Doubles, kind: FaultKind) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 2)
        doubles.faults.add(Fault(kind, "alpaca", 0.0, 3600.0, channel=Channel.REST))
        await listening.until(lambda: listening.feed.status.connected_at_ns is None)
        doubles.faults.clear()
        so_far = len(listening.books)
        await listening.until(lambda: len(listening.books) > so_far)
    assert sum(listening.feed.status.trouble.values()) >= 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(FaultKind.CROSSED, "crossed"), (FaultKind.NEGATIVE_PRICE, "negative"), (FaultKind.TRUNCATED, "not_json")],
)
async def test_a_bad_book_is_refused_by_name(doubles: Doubles, kind: FaultKind, reason: str) -> None:
    async with Listening(polled(doubles)) as listening:
        await listening.until(lambda: len(listening.books) > 2)
        doubles.faults.add(Fault(kind, "alpaca", 0.0, 3600.0))
        await listening.until(lambda: listening.feed.status.refused.get(reason, 0) > 0)


async def test_a_pair_that_is_not_served_is_left_out_and_the_others_are_asked_for_on(doubles: Doubles) -> None:
    wanted = (PAIRS[0], Pair.parse("BTC/USDC"), PAIRS[1], Pair.parse("NOBODY/USD"))
    async with Listening(polled(doubles), wanted) as listening:
        await listening.until(lambda: len({book.pair for book in listening.books}) == 2 and len(listening.books) > 6)
    assert listening.feed.status.trouble == {"pair_not_served": 2}
    assert {book.pair for book in await polled(doubles).snapshot(wanted)} == set(PAIRS)


async def test_where_no_pair_is_served_the_feed_says_what_was_refused(doubles: Doubles) -> None:
    with pytest.raises(Refused, match="BTC/USDC"):
        await polled(doubles).stream((Pair.parse("BTC/USDC"),), lambda book: None)


async def test_a_snapshot_is_one_book_a_pair(doubles: Doubles) -> None:
    assert {book.pair for book in await polled(doubles).snapshot(PAIRS)} == set(PAIRS)


def test_a_pace_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="every 0 ms"):
        AlpacaRestSettings("http://127.0.0.1:1", 0, 2000)
