"""The books in memory."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, BadMarketData
from domain.market import Asset, Book, Level, MarketKey, Pair
from domain.routes import RouteKind
from tests.fakes import ETH_USDC, POOL_VENUE, pool
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


POOL = MarketKey(POOL_VENUE, ETH_USDC)
KRAKEN_USDC = MarketKey("kraken", ETH_USDC)
SUSHI = MarketKey("sushiswap", ETH_USDC)


def with_pools(*markets: MarketKey) -> BookView:
    return BookView((*MARKETS, *markets), pools={POOL_VENUE: 1, "sushiswap": 1})


def test_pools_are_joined_with_books_and_never_with_each_other() -> None:
    view = with_pools(KRAKEN_USDC, POOL, SUSHI)
    kinds = {route.key: route.kind for route in view.routes(POOL)}
    assert kinds[f"kraken:ETH/USDC>{POOL_VENUE}:ETH/USDC"] is RouteKind.BOOK_POOL
    assert kinds[f"{POOL_VENUE}:ETH/USDC>kraken:ETH/USDC"] is RouteKind.POOL_BOOK
    assert not any("sushiswap" in key for key in kinds)


def test_a_pool_is_held_like_a_book_and_what_is_impossible_is_refused() -> None:
    view = with_pools(POOL)
    assert view.put(pool(at_ns=T0)) == POOL
    assert view.book(POOL) == pool(at_ns=T0)
    with pytest.raises(BadMarketData, match="empty"):
        view.put(replace(pool(at_ns=T0, seq=2), base_reserve=0))
    with pytest.raises(BadMarketData, match="out_of_order"):
        view.put(pool(at_ns=T0))
    assert view.refused == {(POOL_VENUE, "empty"): 1, (POOL_VENUE, "out_of_order"): 1}


def test_the_next_block_is_the_first_of_a_greater_number_that_was_seen_after_an_instant() -> None:
    view = with_pools(POOL)
    known = pool(block=7, at_ns=T0)
    view.put(known)
    view.put(pool(block=7, at_ns=T0 + 500 * MS, seq=2))  # the same block, told again
    assert view.next_block(known, T0 + 250 * MS) is None
    eighth = pool(block=8, at_ns=T0 + 900 * MS, seq=3)
    view.put(eighth)
    view.put(pool(block=9, at_ns=T0 + 1900 * MS, seq=4))
    assert view.next_block(known, T0 + 250 * MS) == eighth
    assert view.next_block(known, T0 + 1000 * MS) == pool(block=9, at_ns=T0 + 1900 * MS, seq=4)


def test_an_asset_is_priced_where_it_is_the_base() -> None:
    view = with_pools(KRAKEN_USDC, POOL)
    assert set(view.priced(Asset("ETH"))) == {KRAKEN_ETH, KRAKEN_USDC, POOL}
    assert view.priced(Asset("POL")) == ()


def test_what_is_only_read_has_its_price_seen_and_no_route() -> None:
    there = MarketKey("alpaca", ETH)
    view = BookView([*MARKETS, there], only_read=frozenset({KRAKEN_ETH, there}))
    assert not view.routes(KRAKEN_ETH) and not view.routes(there) and len(view.routes(KRAKEN)) == 2
    view.put(book(1, key=there))
    assert view.book(there) == book(1, key=there) and there in view.priced(Asset("ETH")) and there in view.markets
