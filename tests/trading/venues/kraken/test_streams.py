"""Streams of every shape verify on every message, and a changed digit shows on that very message."""

import json
import re
from itertools import count
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import BadMarketData
from domain.market import Book, Pair
from tests.fakes import FixedClock
from tests.trading.venues.kraken.streams import NOW_NS, Follower, Market, Shape
from trading.venues.connection import SocketSettings
from trading.venues.health import FeedHealth
from trading.venues.kraken import wire
from trading.venues.kraken.feed import DEPTHS, KrakenConversation, KrakenFeedSettings

PAIR = Pair.parse("BTC/USD")
NUMBER = re.compile(r'"(?:price|qty)":([0-9.]+)')
shapes = st.builds(
    Shape,
    price_decimals=st.integers(0, 10),
    quantity_decimals=st.integers(0, 10),
    middle=st.sampled_from((1_000, 56_667, 4_528_350, 99_999_999)),
    depth=st.sampled_from((10, 25, 100)),
)


class Client:
    """A conversation and the books it handed on."""

    def __init__(self, depth: int) -> None:
        self.health, self.books = FeedHealth("kraken", origin="kraken"), list[Book]()
        told = KrakenFeedSettings(SocketSettings("ws://127.0.0.1:1/v2"), "http://127.0.0.1:1", 2000, depth=depth)
        self.take = KrakenConversation(
            [PAIR],
            told,
            health=self.health,
            clock=FixedClock(NOW_NS),
            seq=count(1),
            on_change=self.books.append,
        ).answer


@given(shapes, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_every_message_verifies_and_makes_the_true_book(shape: Shape, seed: int) -> None:
    market = Market(shape, Random(seed))
    client = Client(shape.depth)
    client.take(market.snapshot())
    for number in range(60):
        client.take(market.update())
        assert (client.health.refused, len(client.books)) == ({}, number + 2)
        book = client.books[-1]
        shown = [[(format(price, "f"), format(size, "f")) for price, size in side] for side in (book.bids, book.asks)]
        assert shown == [market.levels(market.bids, -1), market.levels(market.asks, 1)]


@given(shapes, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_changed_digit_is_noticed_on_that_very_message(shape: Shape, seed: int) -> None:
    rng = Random(seed)
    market = Market(shape, rng)
    client, truth = Client(shape.depth), Follower(shape.depth)
    frames = [market.snapshot(), *(market.update() for _ in range(rng.randrange(20)))]
    for frame in frames:
        client.take(frame)
        assert truth.take(frame)
    changed = with_a_digit_changed(market.update(), rng)
    assume(changed is not None and not truth.take(changed))  # some digits are of no level that a checksum covers
    before = len(client.books)
    client.take(changed)
    assert client.health.refused.total() == 1 and len(client.books) == before


def with_a_digit_changed(frame: str, rng: Random) -> str | None:
    found = list(NUMBER.finditer(frame))
    if not found:
        return None
    number = rng.choice(found)
    places = [at for at in range(*number.span(1)) if frame[at].isdigit()]
    at = rng.choice(places)
    return frame[:at] + str((int(frame[at]) + rng.randrange(1, 10)) % 10) + frame[at + 1 :]


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_of_less_depth_than_was_asked_for_is_followed_at_its_own(seed: int) -> None:
    market = Market(Shape(1, 8, 45_283, 10), Random(seed))
    client = Client(25)
    client.take(market.snapshot())
    for _ in range(300):
        client.take(market.update())
    assert (client.health.refused, len(client.books)) == ({}, 301)


@given(shapes, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_lost_message_is_noticed_before_it_does_harm(shape: Shape, seed: int) -> None:
    rng = Random(seed)
    market = Market(shape, rng)
    client, truth = Client(shape.depth), Follower(shape.depth)
    client.take(frame := market.snapshot())
    truth.take(frame)
    market.update()  # lost
    for _ in range(30):
        frame = market.update()
        is_met, before = truth.take(frame), len(client.books)
        client.take(frame)
        assert (len(client.books) > before) == is_met
        if not is_met:
            return


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_the_quick_way_reads_what_the_slow_way_reads(seed: int) -> None:
    rng = Random(seed)
    shape = Shape(rng.randrange(11), rng.randrange(11), 56_667, rng.choice(DEPTHS[:2]))
    market = Market(shape, rng)
    frame = rng.choice((market.snapshot, market.update))()
    for _ in range(rng.randrange(4)):
        frame = mutated(frame, rng)
    quick = wire._usual_books(frame)
    if quick and "-0" not in frame.replace(INSTANT_TEXT, ""):
        assert quick == wire._whatever_it_is(frame)
    elif quick:
        assert_same_reading_or_refused(quick, frame)


INSTANT_TEXT = "2023-11-14T22:13:20.000000Z"


def assert_same_reading_or_refused(quick: tuple[wire.BookMessage, ...], frame: str) -> None:
    try:
        slow = wire._whatever_it_is(frame)
    except BadMarketData as bad:
        assert bad.reason == "negative"
    else:
        assert quick == slow


def mutated(frame: str, rng: Random) -> str:
    at = rng.randrange(len(frame))
    kind = rng.randrange(5)
    if kind == 0:
        return frame[:at] + rng.choice('0123456789{}[],:"-eE.+ ') + frame[at + 1 :]
    if kind == 1:
        return frame[:at] + frame[at + 1 :]
    if kind == 2:
        return frame[:at] + frame[at : at + rng.randrange(1, 30)] + frame[at:]
    number = rng.choice(list(NUMBER.finditer(frame)) or list(re.finditer("u|$", frame)))
    odd = rng.choice(('"1.5"', "1e-8", "1E5", "0.00000000", "1e400", "NaN", '"NaN"', "123456789012345678901", "1.50"))
    return frame[: number.start(0)] + number[0].rpartition(":")[0] + ":" + odd + frame[number.end(0) :]


def test_what_kraken_usually_writes_is_read_the_quick_way() -> None:
    for seed in range(50):
        market = Market(Shape(seed % 11, seed % 9, 45_283, 25), Random(seed))
        for frame in (market.snapshot(), *(market.update() for _ in range(10))):
            assert wire._usual_books(frame), frame
            assert wire._usual_books(frame.encode()) == wire._usual_books(frame)


@pytest.mark.parametrize(
    "odd",
    [
        {"price": 1, "note": "x"},
        {"later": [1, 2]},
    ],
)
def test_a_member_that_kraken_adds_some_day_is_no_harm(odd: dict[str, object]) -> None:
    message = json.loads(Market(Shape(1, 2, 1000, 10), Random(1)).snapshot())
    message["data"][0] |= odd
    (book,) = wire.parse_message(json.dumps(message))
    assert isinstance(book, wire.BookMessage) and book.is_whole
