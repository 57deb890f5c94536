"""Books kept up to date level by level."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import validate
from domain.errors import BadMarketData
from domain.market import Pair
from trading.venues.ladder import Change, Ladder, LocalBook

PAIR = Pair.parse("BTC/USD")
NOW_NS = 1_700_000_000 * 10**9
changes = st.lists(
    st.builds(
        Change,
        st.integers(1, 30).map(Decimal),
        st.integers(0, 3).map(Decimal),
    ),
    max_size=60,
)


def change(price: str, quantity: str) -> Change:
    return Change(Decimal(price), Decimal(quantity), f"{price}|{quantity}")


def whole_book(*, bid: str = "99", ask: str = "100", at_ns: int = NOW_NS) -> LocalBook:
    book = LocalBook("kraken", PAIR, depth=10, shown=10)
    book.load([change(bid, "1")], [change(ask, "2")], venue_at_ns=at_ns)
    return book


@given(changes, st.booleans())
def test_a_ladder_shows_what_a_table_of_prices_would(applied: list[Change], is_bids: bool) -> None:
    ladder = Ladder(is_bids=is_bids, depth=100)
    ladder.apply(applied)
    table = {price: quantity for price, quantity, _ in applied}
    expected = sorted((row for row in table.items() if row[1]), reverse=is_bids)
    assert list(ladder.best(100)) == expected
    assert len(ladder.texts) == len(expected)


@given(changes, st.booleans(), st.integers(1, 5))
def test_a_ladder_keeps_the_best_levels_alone(applied: list[Change], is_bids: bool, depth: int) -> None:
    ladder = Ladder(is_bids=is_bids, depth=depth)
    for one in applied:
        ladder.apply([one])
    prices = [level.price for level in ladder.best(100)]
    assert len(prices) <= depth
    assert prices == sorted(prices, reverse=is_bids)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([change("1", "1"), change("1.0", "2")], "duplicate_level"),
        ([change("1", "0")], "not_positive"),
        ([change("0", "1")], "not_positive"),
    ],
)
def test_a_whole_side_that_contradicts_itself_is_refused(rows: list[Change], reason: str) -> None:
    with pytest.raises(BadMarketData) as caught:
        Ladder(is_bids=True, depth=10).load(rows)
    assert caught.value.reason == reason


def test_an_update_before_the_whole_book_is_refused() -> None:
    book = LocalBook("kraken", PAIR, depth=10, shown=10)
    with pytest.raises(BadMarketData, match="update_before_snapshot"):
        book.apply([change("99", "1")], [], venue_at_ns=NOW_NS)


def test_a_book_that_could_not_take_a_change_is_empty_until_a_whole_one_comes() -> None:
    book = whole_book()
    with pytest.raises(BadMarketData, match="not_positive"):
        book.apply([change("0", "1")], [], venue_at_ns=NOW_NS)
    assert not book.is_whole
    book.load([change("98", "1")], [change("100", "1")], venue_at_ns=NOW_NS)
    assert book.sound_book(seen_at_ns=NOW_NS, seq=1, max_age_ms=1000).bids[0].price == 98


@pytest.mark.parametrize(
    ("bid", "ask", "lag_ms", "reason"),
    [
        ("101", "100", 0, "crossed"),
        ("100", "100", 0, "locked"),
        ("99", "100", 1001, "stale"),
        ("99", "100", -501, "future"),
    ],
)
def test_an_unsound_book_is_refused_by_name(bid: str, ask: str, lag_ms: int, reason: str) -> None:
    book = whole_book(bid=bid, ask=ask)
    with pytest.raises(BadMarketData) as caught:
        book.sound_book(seen_at_ns=NOW_NS + lag_ms * 1_000_000, seq=1, max_age_ms=1000)
    assert caught.value.reason == reason


def test_a_book_with_an_empty_side_is_refused() -> None:
    book = whole_book()
    book.apply([change("99", "0")], [], venue_at_ns=NOW_NS)
    with pytest.raises(BadMarketData, match="empty"):
        book.sound_book(seen_at_ns=NOW_NS, seq=1, max_age_ms=1000)


@given(changes, changes)
def test_whatever_changes_come_a_book_handed_on_is_well_formed(bids: list[Change], asks: list[Change]) -> None:
    book = whole_book(bid="5", ask="20")
    book.apply(bids, asks, venue_at_ns=NOW_NS)
    try:
        validate(book.sound_book(seen_at_ns=NOW_NS, seq=1, max_age_ms=1000))
    except BadMarketData as bad:
        assert bad.reason in {"empty", "crossed", "locked"}


def test_a_side_that_did_not_change_is_handed_on_as_the_same_levels() -> None:
    book = whole_book()
    first = book.sound_book(seen_at_ns=NOW_NS, seq=1, max_age_ms=1000)
    book.apply([change("98", "4")], [], venue_at_ns=NOW_NS)
    second = book.sound_book(seen_at_ns=NOW_NS, seq=2, max_age_ms=1000)
    assert second.asks is first.asks
    assert [level.price for level in second.bids] == [99, 98]
    book.apply([change("98", "0")], [], venue_at_ns=NOW_NS)
    assert book.sound_book(seen_at_ns=NOW_NS, seq=3, max_age_ms=1000).bids == first.bids
