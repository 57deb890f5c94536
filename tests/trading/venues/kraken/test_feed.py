"""Kraken's conversation, without a socket."""

import json
from dataclasses import replace
from decimal import Decimal
from itertools import count
from random import Random

import pytest

from domain.book import validate
from domain.errors import BadInput, Refused, Unreachable
from domain.market import Book, Pair
from domain.timestamps import NS_PER_MS, from_ns
from tests.fakes import FixedClock
from trading.venues.connection import SocketSettings
from trading.venues.health import FeedHealth
from trading.venues.kraken import wire
from trading.venues.kraken.feed import KrakenConversation, KrakenFeedSettings

PAIR = Pair.parse("BTC/USD")
INSTANT = "2023-11-14T22:13:20.000000Z"
NOW_NS = 1_700_000_000 * 10**9  # the instant that the frames below state
SETTINGS = KrakenFeedSettings(SocketSettings("ws://127.0.0.1:1/v2"), "http://127.0.0.1:1", 2000, depth=10)
Side = dict[str, str]


class Venue:
    """Kraken's side of the talk: a true book, and frames that tell it."""

    def __init__(self) -> None:
        self.bids: Side = {f"{100 - place}.0": "1.50000000" for place in range(1, 13)}
        self.asks: Side = {f"{100 + place}.0": "0.00200000" for place in range(1, 13)}

    def checksum(self) -> int:
        asks = sorted(self.asks.items(), key=lambda row: Decimal(row[0]))
        bids = sorted(self.bids.items(), key=lambda row: -Decimal(row[0]))
        return wire.book_checksum(asks, bids)

    def window(self) -> Side:
        """Return the ten best bids."""
        return dict(sorted(self.bids.items(), key=lambda row: -Decimal(row[0]))[:10])

    def snapshot(self) -> str:
        best = {"bids": sorted(self.bids.items(), key=lambda row: -Decimal(row[0]))[:10]}
        best["asks"] = sorted(self.asks.items(), key=lambda row: Decimal(row[0]))[:10]
        return self.frame("snapshot", **best)

    def update(self, *, bids: Side | None = None, asks: Side | None = None) -> str:
        for side, changes in ((self.bids, bids or {}), (self.asks, asks or {})):
            side.update(changes)
            for price in [price for price, size in side.items() if not Decimal(size)]:
                del side[price]
        return self.frame("update", bids=list((bids or {}).items()), asks=list((asks or {}).items()))

    def frame(self, kind: str, *, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> str:
        sides = [",".join(f'{{"price":{price},"qty":{size}}}' for price, size in side) for side in (bids, asks)]
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{sides[0]}],'
            f'"asks":[{sides[1]}],"checksum":{self.checksum()},"timestamp":"{INSTANT}"}}]}}'
        )


class Talk:
    """A conversation with its health, clock and the books it handed on."""

    def __init__(self, *, depth: int = 10) -> None:
        self.clock, self.health, self.books = FixedClock(NOW_NS), FeedHealth("kraken", origin="kraken"), list[Book]()
        self.it = KrakenConversation(
            [PAIR],
            replace(SETTINGS, depth=depth),
            health=self.health,
            clock=self.clock,
            seq=count(1),
            on_change=self.books.append,
        )
        self.it.opening()

    def methods(self, frame: str) -> list[str]:
        """Return the methods of what we answer to ``frame``."""
        return [json.loads(said)["method"] for said in self.it.answer(frame)]


def test_the_opening_asks_for_every_pair_at_the_depth_set() -> None:
    (opening,) = Talk().it.opening()
    params = json.loads(opening)["params"]
    assert params == {"channel": "book", "symbol": ["BTC/USD"], "depth": 10, "snapshot": True}


def test_a_snapshot_and_verified_updates_make_books() -> None:
    venue, talk = Venue(), Talk()
    assert talk.methods(venue.snapshot()) == []
    assert talk.methods(venue.update(bids={"99.5": "0.10000000"})) == []
    assert [book.bids[0].price for book in talk.books] == [Decimal("99.0"), Decimal("99.5")]
    assert talk.books[-1].venue_at_ns == NOW_NS
    assert len(talk.books[-1].bids) == 10


def test_a_lost_update_is_noticed_on_the_very_next_message_and_asked_for_again() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot())
    venue.update(asks={"101.0": "0.00300000"})  # lost on the way
    talk.clock.at_ns += 1_500 * NS_PER_MS
    assert talk.methods(venue.update(bids={"99.5": "0.10000000"})) == ["unsubscribe", "subscribe"]
    assert talk.health.refused == {"checksum": 1}
    assert len(talk.books) == 1
    assert talk.methods(venue.update(bids={"99.6": "0.10000000"})) == []
    assert talk.methods(venue.snapshot()) == []
    assert len(talk.books) == 2


def test_a_book_is_not_asked_for_again_more_often_than_the_gap_allows() -> None:
    venue, talk = Venue(), Talk()
    update = venue.update(bids={"99.5": "0.10000000"})
    assert talk.methods(update) == []
    talk.clock.at_ns += SETTINGS.resync_gap_ms * NS_PER_MS
    assert talk.methods(update) == ["unsubscribe", "subscribe"]
    assert talk.methods(update) == []
    assert (talk.health.resyncs, talk.health.trouble["awaiting_snapshot"]) == (1, 3)


@pytest.mark.parametrize("state", ["maintenance", "cancel_only", "post_only"])
def test_books_of_a_venue_that_takes_no_orders_are_kept_but_not_handed_on(state: str) -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(f'{{"channel":"status","type":"update","data":[{{"system":"{state}"}}]}}')
    talk.it.answer(venue.snapshot())
    assert talk.books == [] and talk.health.refused == {"venue_not_online": 1}
    talk.it.answer('{"channel":"status","type":"update","data":[{"system":"online"}]}')
    talk.it.answer(venue.update(bids={"99.5": "0.10000000"}))
    assert len(talk.books) == 1


def test_a_book_that_nobody_asked_for_is_counted() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot().replace("BTC/USD", "ETH/USD"))
    assert talk.books == [] and talk.health.refused == {"unknown_symbol": 1}


HEARTBEAT = '{"channel":"heartbeat"}'


def beats(talk: Talk, count: int, *, every_ms: int = 1000) -> list[str]:
    """Let the venue say nothing but heartbeats, each followed by a look; return the methods of what we say."""
    said: list[str] = []
    for _ in range(count):
        talk.clock.at_ns += every_ms * NS_PER_MS
        talk.methods(HEARTBEAT)
        said += [json.loads(frame)["method"] for frame in talk.it.confirm(talk.clock.at_ns)]
    return said


def test_a_quiet_book_is_handed_on_again_as_of_each_heartbeat() -> None:
    venue, talk = Venue(), Talk()
    talk.clock.at_ns += 40 * NS_PER_MS
    talk.it.answer(venue.snapshot())
    assert beats(talk, 5) == []
    first, *again = talk.books
    assert [book.seen_at_ns - first.seen_at_ns for book in again] == [second * 10**9 for second in range(1, 6)]
    assert {book.seen_at_ns - book.venue_at_ns for book in again} == {40 * NS_PER_MS}
    assert [book.seq for book in again] == [2, 3, 4, 5, 6]
    assert {(book.bids, book.asks) for book in again} == {(first.bids, first.asks)}
    assert (talk.health.books, talk.health.confirmed) == (1, 5)


def test_only_a_whole_and_sound_book_is_confirmed() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot())
    venue.update(asks={"101.0": "0.00300000"})  # lost on the way
    talk.it.answer(venue.update(bids={"99.5": "0.10000000"}))
    beats(talk, 3)
    assert talk.health.refused == {"checksum": 1}
    assert (len(talk.books), talk.health.confirmed) == (1, 0)


def test_after_a_message_that_cannot_be_read_no_quiet_book_is_confirmed_until_its_next_one_verifies() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot())
    talk.it.answer(venue.snapshot()[:-40])
    beats(talk, 3)
    assert (len(talk.books), talk.health.refused) == (1, {"not_json": 1})
    talk.clock.at_ns = NOW_NS
    talk.it.answer(venue.update(bids={"99.5": "0.10000000"}))
    beats(talk, 3)
    assert len(talk.books) == 5


def test_no_book_of_a_venue_that_takes_no_orders_is_confirmed() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot())
    talk.it.answer('{"channel":"status","type":"update","data":[{"system":"maintenance"}]}')
    beats(talk, 3)
    assert len(talk.books) == 1


def test_a_book_that_has_been_quiet_for_too_long_is_asked_for_again_and_not_believed_until_it_comes() -> None:
    venue, talk = Venue(), Talk()
    talk.it.answer(venue.snapshot())
    assert beats(talk, 20) == []
    assert beats(talk, 1) == ["unsubscribe", "subscribe"]
    books = len(talk.books)
    assert beats(talk, 5) == []
    assert len(talk.books) == books
    talk.it.answer(venue.snapshot())
    assert talk.health.refused == {"stale": 1}, "the venue itself says how old it is"
    assert beats(talk, 20).count("subscribe") == 1, "asked for now and then"


@pytest.mark.parametrize(("depth", "times"), [(10, 0), (25, 2)])
def test_a_book_deeper_than_its_checksum_is_asked_for_whole_every_five_minutes(depth: int, times: int) -> None:
    venue, talk = Venue(), Talk(depth=depth)
    asked = 0
    for second in range(610):
        talk.clock.at_ns = NOW_NS + second * 10**9
        at = f"{from_ns(talk.clock.at_ns):%Y-%m-%dT%H:%M:%S}Z"
        talk.it.answer(venue.snapshot().replace(INSTANT, at))  # often enough that no quiet is doubted
        asked += len(talk.it.confirm(talk.clock.at_ns)) // 2
    assert asked == times


def test_a_random_walk_verifies_on_every_message() -> None:
    venue, talk, rng = Venue(), Talk(), Random(5)
    talk.it.answer(venue.snapshot())
    for _ in range(500):
        before = venue.window()
        price = f"{rng.randrange(85, 100)}.{rng.randrange(3)}"
        if price in venue.bids and len(venue.bids) > 10:
            del venue.bids[price]
        else:
            venue.bids[price] = f"{rng.random() + 0.1:.8f}"
        talk.it.answer(venue.frame("update", bids=_followed(before, venue), asks=[]))
    assert talk.health.refused == {}
    assert len(talk.books) == 501
    assert [str(level.price) for level in talk.books[-1].bids] == list(venue.window())


def _followed(before: Side, venue: Venue) -> list[tuple[str, str]]:
    """Return what Kraken sends: changed levels of the window, removals, but none that better levels pushed out."""
    gone = [(price, "0") for price in before if price not in venue.bids]
    return gone + [row for row in venue.window().items() if before.get(row[0]) != row[1]]


def test_mutated_frames_never_crash_and_never_hand_on_an_unsound_book() -> None:
    rng = Random(11)
    for _ in range(1500):
        venue, talk = Venue(), Talk()
        talk.it.answer(venue.snapshot())
        frame = venue.update(bids={"99.5": "0.10000000"}, asks={"101.0": "0"})
        talk.it.answer(_mutated(frame, rng))
        for book in talk.books:
            validate(book)


def _mutated(frame: str, rng: Random) -> str:
    at = rng.randrange(len(frame))
    kind = rng.randrange(4)
    if kind == 0:
        return frame[:at]
    if kind == 1:
        return frame[:at] + rng.choice('0123456789{}[],:"-eN.') + frame[at + 1 :]
    if kind == 2:
        return frame[:at] + frame[at : at + rng.randrange(1, 40)] * 2 + frame[at:]
    return frame.replace(rng.choice(["99.5", "101.0", "0.10000000", "[", '"data"']), rng.choice(["NaN", "-1", "1e999"]))


def test_a_depth_that_kraken_does_not_serve_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="depth 30"):
        KrakenFeedSettings(SocketSettings("ws://127.0.0.1:1"), "http://127.0.0.1:1", 2000, depth=30)


@pytest.mark.parametrize("error", ["EAPI:Rate limit exceeded", "EService:Unavailable", "EGeneral:Temporary lockout"])
def test_limits_and_outages_are_unreachable(error: str) -> None:
    with pytest.raises(Unreachable, match=error):
        wire.raise_for_errors([error])


def test_any_other_error_is_refused() -> None:
    with pytest.raises(Refused, match="Unknown asset pair"):
        wire.raise_for_errors(["EQuery:Unknown asset pair"])
    wire.raise_for_errors([])
