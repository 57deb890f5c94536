"""Walking books, and telling sound books from unsound ones."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import (
    FUTURE_TOLERANCE_MS,
    Walk,
    _fault_in,
    _is_sound,
    check,
    depth_of,
    staleness,
    validate,
    walk,
)
from domain.errors import BadMarketData
from domain.market import Level, Side
from domain.timestamps import NS_PER_MS
from tests.domain.books import NOW_NS, book, decimals, levels, sides_of_book
from tests.domain.pools import pool, pools

ASKS = levels(("100", "1"), ("101", "2"), ("103", "5"))
BIDS = levels(("99", "1"), ("98", "2"))
odd_numbers = st.one_of(
    decimals("0.01", "120", 2),
    st.sampled_from([Decimal(text) for text in ("0", "-1", "NaN", "sNaN", "Infinity", "1e14", "1e-14", "1e20")]),
)


def test_a_buyer_walks_up_and_pays_each_level_its_price():
    assert walk(ASKS, Decimal("2.5"), limit=None, side=Side.BUY) == Walk(Decimal("2.5"), Decimal("251.5"), Decimal(101))


def test_a_seller_walks_down():
    assert walk(BIDS, Decimal(2), limit=None, side=Side.SELL) == Walk(Decimal(2), Decimal(197), Decimal(98))


def test_a_walk_stops_at_its_limit_which_is_still_taken():
    assert walk(ASKS, Decimal(9), limit=Decimal(101), side=Side.BUY).quantity == 3
    assert walk(BIDS, Decimal(9), limit=Decimal(99), side=Side.SELL).quantity == 1


def test_a_walk_never_goes_beyond_what_is_shown():
    assert walk(ASKS, Decimal(1000), limit=None, side=Side.BUY) == Walk(Decimal(8), Decimal(817), Decimal(103))


def test_nothing_within_the_limit_is_nothing_at_no_price():
    assert walk(ASKS, Decimal(1), limit=Decimal(99), side=Side.BUY) == Walk(Decimal(0), Decimal(0), Decimal(0))


@given(asks=sides_of_book(Side.BUY), quantity=decimals("0.01", "20", 2))
def test_a_walk_takes_what_is_asked_or_all_there_is_at_no_better_than_the_best_price(asks, quantity):
    got = walk(asks, quantity, limit=None, side=Side.BUY)
    assert got.quantity == min(quantity, depth_of(asks))
    assert asks[0].price * got.quantity <= got.quote <= got.worst_price * got.quantity


@given(bids=sides_of_book(Side.SELL), quantity=decimals("0.01", "20", 2), limit=decimals("95", "105", 2))
def test_no_level_worse_than_the_limit_is_touched(bids, quantity, limit):
    got = walk(bids, quantity, limit=limit, side=Side.SELL)
    assert got.quantity <= depth_of([level for level in bids if level.price >= limit])
    assert got.quote >= limit * got.quantity


def test_a_walk_keeps_every_digit():
    tiny = Decimal("0.000000000000000001")
    price = Decimal("12345678901234567890.123456789012345678")
    got = walk((Level(price, Decimal(1)),), Decimal(1) - tiny, limit=None, side=Side.BUY)
    exact = 12345678901234567890123456789012345678 * (10**18 - 1)
    assert got.quote == Decimal(f"{exact}e-36")


def test_a_sound_fresh_book_passes():
    check(book(), now_ns=NOW_NS, max_age_ms=1000)


@pytest.mark.parametrize(
    ("reason", "bids", "asks"),
    [
        ("empty", (), ASKS),
        ("empty", BIDS, ()),
        ("crossed", levels(("101", "1")), ASKS),
        ("locked", levels(("100", "1")), ASKS),
        ("not_positive", levels(("99", "0")), ASKS),
        ("not_positive", levels(("-1", "1")), ASKS),
        ("not_finite", BIDS, levels(("NaN", "1"))),
        ("not_finite", BIDS, levels(("100", "Infinity"))),
        ("out_of_range", BIDS, levels(("100", "1e13"))),
        ("unsorted", levels(("98", "1"), ("99", "1")), ASKS),
        ("unsorted", BIDS, levels(("100", "1"), ("100", "2"))),
    ],
)
def test_an_unsound_book_is_refused_by_its_reason(reason, bids, asks):
    with pytest.raises(BadMarketData) as refusal:
        validate(book(bids=bids, asks=asks))
    assert refusal.value.reason == reason


def test_a_refusal_names_the_market():
    with pytest.raises(BadMarketData, match="alpaca BTC/USD"):
        validate(book(bids=()))


def test_age_is_allowed_up_to_its_limit_exactly():
    limit_ns = NOW_NS + 1000 * NS_PER_MS
    assert staleness(book(), now_ns=limit_ns, max_age_ms=1000) is None
    assert staleness(book(), now_ns=limit_ns + 1, max_age_ms=1000) == "stale"


def test_a_book_that_just_came_but_is_old_by_the_venue_s_own_clock_is_stale():
    late = replace(book(), venue_at_ns=NOW_NS - 1001 * NS_PER_MS)
    with pytest.raises(BadMarketData, match="stale"):
        check(late, now_ns=NOW_NS, max_age_ms=1000)


def test_a_book_from_the_future_is_refused_beyond_what_clocks_may_differ():
    ahead_ns = FUTURE_TOLERANCE_MS * NS_PER_MS
    assert staleness(replace(book(), venue_at_ns=NOW_NS + ahead_ns), now_ns=NOW_NS, max_age_ms=1000) is None
    ahead = replace(book(), venue_at_ns=NOW_NS + ahead_ns + 1)
    assert staleness(ahead, now_ns=NOW_NS, max_age_ms=1000) == "future"
    with pytest.raises(BadMarketData, match="future"):
        check(ahead, now_ns=NOW_NS, max_age_ms=1000)


def test_our_own_clock_stepping_back_makes_books_future_not_fresh():
    assert staleness(book(), now_ns=NOW_NS - 10**9, max_age_ms=1000) == "future"


@given(
    bids=sides_of_book(Side.SELL),
    asks=sides_of_book(Side.BUY),
    at=st.integers(0, 3),
    price=odd_numbers,
    size=odd_numbers,
)
def test_a_side_looked_at_as_a_whole_is_refused_exactly_where_its_levels_are(bids, asks, at, price, size):
    odd = list(asks)
    odd[at % len(odd)] = Level(price, size)
    at_fault = None if _is_sound(tuple(odd), Side.BUY) else _fault_in(tuple(odd), Side.BUY)
    assert at_fault == _fault_in(tuple(odd), Side.BUY)
    assert _fault_in(bids, Side.SELL) is None


def test_a_side_found_sound_before_is_not_looked_at_again_but_the_other_is():
    before = book()
    validate(replace(before, asks=levels(("100", "3"))), known=before)
    with pytest.raises(BadMarketData, match="not_positive"):
        validate(replace(before, asks=levels(("100", "-3"))), known=before)
    with pytest.raises(BadMarketData, match="crossed"):
        validate(replace(before, asks=levels(("1", "3"))), known=before)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("empty", {"base_reserve": 0}),
        ("empty", {"quote_reserve": 999}),
        ("empty", {"base_reserve": -5}),
        ("out_of_range", {"base_reserve": 2**112}),
        ("out_of_range", {"quote_reserve": 10**21}),  # a thousand million million USDC
        ("out_of_range", {"base_reserve": 1000, "quote_reserve": 10**20}),  # a price that no column holds
        ("out_of_range", {"fee_pips": 1_000_000}),
        ("out_of_range", {"fee_pips": -1}),
        ("out_of_range", {"base_decimals": 37}),
        ("out_of_range", {"quote_decimals": -1}),
        ("out_of_range", {"gas_price_wei": -1}),
    ],
)
def test_an_unsound_pool_is_refused_by_its_reason(reason, changes):
    with pytest.raises(BadMarketData, match=f"^{reason}: uniswap_v2 ETH/USDC"):
        validate(replace(pool(), **changes))


def test_a_sound_fresh_pool_passes_and_grows_old_like_a_book():
    check(pool(), now_ns=NOW_NS, max_age_ms=1000)
    with pytest.raises(BadMarketData, match=r"^stale"):
        check(pool(), now_ns=NOW_NS + 1001 * NS_PER_MS, max_age_ms=1000)


@given(pools())
def test_every_pool_that_is_let_in_shows_something_on_either_side(state):
    try:
        validate(state)
    except BadMarketData:
        return
    assert state.asks and state.bids
    assert 0 < state.bids[0].price <= state.best_bid and state.best_ask <= state.asks[0].price
