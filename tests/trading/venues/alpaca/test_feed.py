"""Alpaca's conversation, without a socket."""

from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import msgpack
import pytest

from domain.book import validate
from domain.errors import BadInput, Refused, Unreachable
from domain.market import Book, Pair
from domain.secret import Secret
from domain.timestamps import NS_PER_MS, NS_PER_S
from trading.venues.alpaca.feed import AlpacaConversation, AlpacaFeedSettings
from trading.venues.connection import SocketSettings
from trading.venues.health import FeedHealth

PAIRS = (Pair.parse("BTC/USD"), Pair.parse("ETH/USD"))
NOW_NS = 1_700_000_000 * 10**9
STREAM_URL = "ws://127.0.0.1:1/v1beta3/crypto/us"
Levels = dict[float, float]


def settings(url: str = STREAM_URL) -> AlpacaFeedSettings:
    return AlpacaFeedSettings(SocketSettings(url), "http://127.0.0.1:1", Secret("k"), Secret("s"), 2000)


def packed(*rows: dict[str, Any]) -> bytes:
    frame = msgpack.packb(list(rows))
    assert isinstance(frame, bytes)
    return frame


def book_frame(
    bids: Levels, asks: Levels, *, whole: bool = False, symbol: str = "BTC/USD", at_ns: int = NOW_NS
) -> bytes:
    row = {
        "T": "o",
        "S": symbol,
        "t": msgpack.Timestamp.from_unix_nano(at_ns),
        "b": [{"p": price, "s": size} for price, size in bids.items()],
        "a": [{"p": price, "s": size} for price, size in asks.items()],
    }
    return packed(row | ({"r": True} if whole else {}))


class Talk:
    """A conversation with its health, clock and the books it handed on."""

    def __init__(self) -> None:
        self.at_ns, self.health, self.books = NOW_NS, FeedHealth("alpaca", origin="alpaca"), list[Book]()
        self.it = AlpacaConversation(
            PAIRS, settings(), health=self.health, clock=self, seq=count(1), on_change=self.books.append
        )

    def now_ns(self) -> int:
        return self.at_ns

    def says(self, frame: bytes) -> list[dict[str, Any]]:
        """Return what we answer to ``frame``."""
        return [msgpack.unpackb(said) for said in self.it.answer(frame)]

    def asks_again(self, frame: bytes) -> list[str]:
        """Return the symbols that we subscribe to anew because of ``frame``, a while after the last time."""
        self.at_ns += settings().resync_gap_ms * NS_PER_MS
        said = self.says(frame)
        return [symbol for one in said if one["action"] == "subscribe" for symbol in one["orderbooks"]]


def whole() -> bytes:
    return book_frame({99.5: 1.0, 99.0: 2.0}, {100.0: 1.0}, whole=True)


def test_the_handshake_proves_who_we_are_and_asks_for_every_book() -> None:
    talk = Talk()
    assert talk.it.opening() == ()
    assert talk.says(packed({"T": "success", "msg": "connected"})) == [{"action": "auth", "key": "k", "secret": "s"}]
    assert talk.says(packed({"T": "success", "msg": "authenticated"})) == [
        {"action": "subscribe", "orderbooks": ["BTC/USD", "ETH/USD"]}
    ]
    assert talk.says(packed({"T": "subscription", "orderbooks": ["BTC/USD"]})) == []
    assert talk.health.trouble == {"subscription_refused": 1}
    assert talk.health.venue_state == "online"


def test_a_whole_book_and_its_changes_make_books() -> None:
    talk = Talk()
    talk.it.answer(whole())
    talk.it.answer(book_frame({99.5: 0.0, 99.25: 0.5}, {100.0: 3.0}))
    assert [tuple(level) for level in talk.books[-1].bids] == [
        (Decimal("99.25"), Decimal("0.5")),
        (Decimal("99.0"), Decimal("2.0")),
    ]
    assert talk.books[-1].asks[0].quantity == Decimal("3.0")


def test_a_whole_book_replaces_what_was_there() -> None:
    talk = Talk()
    talk.it.answer(whole())
    talk.it.answer(book_frame({50.0: 1.0}, {51.0: 1.0}, whole=True))
    assert [level.price for level in talk.books[-1].bids] == [Decimal("50.0")]


def test_a_torn_book_is_asked_for_again_and_nothing_of_it_is_handed_on() -> None:
    talk = Talk()
    talk.it.answer(whole())
    assert talk.asks_again(book_frame({float("nan"): 1.0}, {})) == ["BTC/USD"]
    assert talk.asks_again(book_frame({99.7: 1.0}, {})) == ["BTC/USD"]
    assert len(talk.books) == 1
    talk.at_ns = NOW_NS
    talk.it.answer(whole())
    assert len(talk.books) == 2


def online() -> Talk:
    talk = Talk()
    talk.it.answer(packed({"T": "subscription", "orderbooks": ["BTC/USD", "ETH/USD"]}))
    return talk


def test_when_all_is_quiet_the_stream_is_asked_for_what_it_already_sends() -> None:
    assert Talk().it.when_quiet() == ()
    (asked,) = online().it.when_quiet()
    assert msgpack.unpackb(asked) == {"action": "subscribe", "orderbooks": ["BTC/USD"]}


def test_any_message_of_the_connection_confirms_a_quiet_book() -> None:
    talk = online()
    talk.it.answer(whole())
    talk.at_ns += 700 * NS_PER_MS
    talk.it.answer(book_frame({50.0: 1.0}, {51.0: 1.0}, whole=True, symbol="ETH/USD", at_ns=talk.at_ns))
    assert talk.it.confirm(talk.at_ns) == []
    assert [book.pair.symbol for book in talk.books] == ["BTC/USD", "ETH/USD", "BTC/USD"]
    first, _, again = talk.books
    assert again.seen_at_ns == again.venue_at_ns == talk.at_ns
    assert (again.bids, again.asks) == (first.bids, first.asks)


def test_each_book_is_asked_for_whole_once_a_minute_one_at_a_time() -> None:
    talk = online()
    talk.says(packed({"T": "success", "msg": "authenticated"}))
    talk.it.answer(packed({"T": "subscription", "orderbooks": ["BTC/USD", "ETH/USD"]}))
    talk.it.answer(whole())
    asked: list[str] = []
    for _ in range(125):
        talk.at_ns += NS_PER_S
        talk.it.answer(book_frame({99.5: 1.0}, {}, at_ns=talk.at_ns))
        frames = [msgpack.unpackb(frame) for frame in talk.it.confirm(talk.at_ns)]
        asked += [symbol for frame in frames if frame["action"] == "subscribe" for symbol in frame["orderbooks"]]
    assert asked == ["BTC/USD", "ETH/USD", "BTC/USD", "ETH/USD"]
    assert talk.books[-1].seen_at_ns == talk.at_ns, "what we have goes on until the whole one comes"


def test_before_the_subscription_stands_nothing_is_confirmed() -> None:
    talk = Talk()
    talk.it.answer(whole())
    talk.at_ns += 700 * NS_PER_MS
    assert talk.it.confirm(talk.at_ns) == () and len(talk.books) == 1


def test_a_frame_that_cannot_be_read_may_have_been_for_any_book() -> None:
    talk = Talk()
    assert talk.asks_again(b"\xc1") == ["BTC/USD", "ETH/USD"]
    assert talk.health.refused == {"not_msgpack": 1}


def test_a_crossed_book_is_not_handed_on_and_asked_for_again() -> None:
    talk = Talk()
    talk.it.answer(whole())
    assert talk.asks_again(book_frame({101.0: 1.0}, {}, at_ns=NOW_NS + 10**9)) == ["BTC/USD"]
    assert (len(talk.books), talk.health.refused) == (1, {"crossed": 1})


def test_a_change_from_before_is_out_of_order() -> None:
    talk = Talk()
    talk.it.answer(whole())
    assert talk.asks_again(book_frame({99.6: 1.0}, {}, at_ns=NOW_NS - 1)) == ["BTC/USD"]
    assert (len(talk.books), talk.health.refused) == (1, {"out_of_order": 1})


@pytest.mark.parametrize(("code", "reason"), [(404, "auth_timeout"), (406, "connection_limit"), (407, "slow_client")])
def test_what_passes_by_itself_is_unreachable(code: int, reason: str) -> None:
    with pytest.raises(Unreachable, match=reason):
        Talk().it.answer(packed({"T": "error", "code": code, "msg": "x"}))


@pytest.mark.parametrize("code", [401, 402, 405, 409])
def test_what_a_person_must_mend_is_refused(code: int) -> None:
    with pytest.raises(Refused, match=f"{code} some words"):
        Talk().it.answer(packed({"T": "error", "code": code, "msg": "some words"}))


def test_a_stream_that_carries_another_exchange_is_refused_by_address() -> None:
    with pytest.raises(BadInput, match="us-1"):
        settings("wss://stream.data.alpaca.markets/v1beta3/crypto/us-1")


def test_keys_never_show_in_the_settings() -> None:
    shown = repr(AlpacaFeedSettings(SocketSettings(STREAM_URL), "x", Secret("PLANTED-K"), Secret("PLANTED-S"), 1))
    assert "PLANTED" not in shown


def test_mutated_frames_never_crash_and_never_hand_on_an_unsound_book() -> None:
    rng = Random(13)
    frame = book_frame({99.5: 0.0, 99.25: 0.5}, {100.0: 3.0})
    for _ in range(1500):
        talk = Talk()
        talk.it.answer(whole())
        mutated = bytearray(frame)
        for _ in range(rng.randrange(1, 4)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        talk.it.answer(bytes(mutated[: rng.randrange(len(mutated)) if rng.random() < 0.2 else None]))
        for book in talk.books:
            validate(book)
