"""The books in memory."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, BadMarketData
from domain.market import Book, Level, MarketKey, Pair
from trading.marketdata.view import BookView

BTC, ETH = Pair.parse("BTC/USD"), Pair.parse("ETH/USD")
KRAKEN, ALPACA, KRAKEN_ETH = MarketKey("kraken", BTC), MarketKey("alpaca", BTC), MarketKey("kraken", ETH)
MARKETS = (KRAKEN, ALPACA, KRAKEN_ETH)
T0 = 1_700_000_000 * 10**9
MS = 1_000_000


def book(seq: int = 1, *, at_ms: int = 0, key: MarketKey = KRAKEN, bid: str = "99", ask: str = "100") -> Book:
    at_ns = T0 + at_ms * MS
    bids, asks = (Level(Decimal(bid), Decimal(1)),), (Level(Decimal(ask), Decimal(1)),)
    return Book(key.venue, key.pair, bids, asks, at_ns, at_ns, seq)


def test_the_latest_book_of_each_market_is_held() -> None:
    view = BookView(MARKETS)
    assert view.book(KRAKEN) is None
    assert view.put(book(1)) == KRAKEN
    view.put(book(2, at_ms=5))
    view.put(book(1, key=ALPACA))
    assert view.book(KRAKEN) == book(2, at_ms=5)
    assert view.books() == [book(2, at_ms=5), book(1, key=ALPACA)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (book(2, bid="101"), "crossed"),
        (book(2, bid="100"), "locked"),
        (replace(book(2), bids=()), "empty"),
        (book(2, bid="NaN"), "not_finite"),
        (book(2, bid="-1"), "not_positive"),
        (book(1), "out_of_order"),
        (book(2, at_ms=-1), "out_of_order"),
    ],
)
def test_a_bad_book_is_refused_by_name_and_the_last_good_one_stays(bad: Book, reason: str) -> None:
    view = BookView(MARKETS)
    view.put(book(1))
    with pytest.raises(BadMarketData) as caught:
        view.put(bad)
    assert caught.value.reason == reason
    assert view.refused == {("kraken", reason): 1}
    assert view.book(KRAKEN) == book(1)


def test_a_market_that_is_not_watched_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="ETH/USD on alpaca"):
        BookView(MARKETS).put(book(key=MarketKey("alpaca", ETH)))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(-100, 12_000))
def test_the_book_at_an_instant_is_the_latest_seen_by_then(gaps_ms: list[int], asked_ms: int) -> None:
    view, seen, at_ms = BookView(MARKETS), [], 0
    for seq, gap_ms in enumerate(gaps_ms, start=1):
        at_ms += gap_ms
        seen.append(book(seq, at_ms=at_ms))
        view.put(seen[-1])
    at_ns = T0 + asked_ms * MS
    expected = [one for one in seen if one.seen_at_ns <= at_ns]
    if not expected or at_ns >= seen[-1].seen_at_ns - 10_000 * MS:  # within what is remembered
        assert view.book_at(KRAKEN, at_ns) == (expected[-1] if expected else None)


def test_what_is_long_superseded_is_forgotten() -> None:
    view = BookView(MARKETS, history_ms=1_000)
    for seq in range(1, 200):
        view.put(book(seq, at_ms=seq * 100))
    assert view.book_at(KRAKEN, T0 + 10_000 * MS) is None
    assert view.book_at(KRAKEN, T0 + 18_950 * MS) == book(189, at_ms=18_900)


def test_a_quiet_market_keeps_its_last_book_however_old() -> None:
    view = BookView(MARKETS, history_ms=1_000)
    view.put(book(1))
    assert view.book_at(KRAKEN, T0 + 60_000 * MS) == book(1)
    view.put(book(2, at_ms=60_000))
    assert view.book_at(KRAKEN, T0 + 59_999 * MS) == book(1)


def test_routes_join_markets_of_one_base_on_two_venues() -> None:
    view = BookView(MARKETS)
    assert {route.key for route in view.routes(KRAKEN)} == {
        "kraken:BTC/USD>alpaca:BTC/USD",
        "alpaca:BTC/USD>kraken:BTC/USD",
    }
    assert view.routes(KRAKEN_ETH) == ()
    assert view.routes(MarketKey("nowhere", BTC)) == ()


def test_two_views_of_one_exchange_are_never_traded_against_each_other() -> None:
    second = MarketKey("k2", BTC)
    view = BookView((*MARKETS, second), origins={"kraken": "kraken", "k2": "kraken", "alpaca": "alpaca"})
    assert {route.key for route in view.routes(second)} == {"k2:BTC/USD>alpaca:BTC/USD", "alpaca:BTC/USD>k2:BTC/USD"}
    assert len(view.routes(ALPACA)) == 4
