"""What the markets offered is counted at a steady pace, exactly, and added up in the table."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import MarketKey, Pair
from tests.fakes import BTC_USD, MS, NOW_NS, SIM, DictView, book
from trading.models import OfferedEdge
from trading.services.offers import OfferSampler, record_offers

SECOND_NS = 1_000 * MS
A, B = MarketKey("a", BTC_USD), MarketKey("b", BTC_USD)


def sampler(**changes) -> OfferSampler:
    return OfferSampler(**{"every_ns": SECOND_NS, "max_age_ms": 2_000, "max_skew_ms": 1_000} | changes)


def view_of(*books) -> DictView:
    view = DictView()
    view.put(*books)
    return view


def tenths(taken) -> dict[str, int]:
    return {offer.route_key: offer.tenth_bps for offer in taken}


def test_each_way_between_two_books_is_counted_once_at_their_best_prices():
    counter = sampler()
    counter.sample(view_of(book("a", "99.9", "100"), book("b", "101", "101.1")), [A, B], NOW_NS)
    taken = counter.take()
    assert tenths(taken) == {"a:BTC/USD>b:BTC/USD": 1_000, "b:BTC/USD>a:BTC/USD": -1_190}
    assert set(taken.values()) == {1}


def test_within_one_pace_only_the_first_call_counts():
    counter, view = sampler(), view_of(book("a", "99", "100"), book("b", "99", "100"))
    for at_ns in (NOW_NS, NOW_NS + 1, NOW_NS + SECOND_NS - 1, NOW_NS + SECOND_NS):
        counter.sample(view, [A, B], at_ns)
    assert set(counter.take().values()) == {2}
    assert not counter.take()


def test_without_a_pace_every_instant_counts():
    counter, view = sampler(every_ns=0), view_of(book("a", "99", "100"), book("b", "99", "100"))
    for at_ns in (NOW_NS, NOW_NS + 1, NOW_NS + 2):
        counter.sample(view, [A, B], at_ns)
    assert set(counter.take().values()) == {3}


def test_stale_and_skewed_books_offer_nothing():
    old = book("b", "101", "101.1", at_ns=NOW_NS - 2_001 * MS)
    skewed = book("b", "101", "101.1", at_ns=NOW_NS - 1_001 * MS)
    for other in (old, skewed):
        counter = sampler()
        counter.sample(view_of(book("a", "99", "100"), other), [A, B], NOW_NS)
        assert not counter.take()


def test_unlike_quotes_are_no_price_difference():
    usdc = Pair.parse("BTC/USDC")
    counter = sampler()
    view = view_of(book("a", "99", "100"), book("b", "120", "121", pair=usdc))
    counter.sample(view, [A, MarketKey("b", usdc)], NOW_NS)
    assert not counter.take()


def test_more_routes_than_fit_one_sample_are_looked_at_in_turn():
    venues = "abcd"
    view = view_of(*(book(venue, "99", "100") for venue in venues))
    markets, counter = [MarketKey(venue, BTC_USD) for venue in venues], sampler(every_ns=0, most_routes=4)
    for step in range(6):
        counter.sample(view, markets, NOW_NS + step)
    taken = counter.take()
    assert len(taken) == 12
    assert set(taken.values()) == {2}


def test_a_sampler_goes_on_from_where_another_stood():
    view = view_of(book("a", "99", "100"), book("b", "99", "100"))
    first, second = sampler(), sampler()
    first.sample(view, [A, B], NOW_NS)
    second.restore(first.state())
    second.sample(view, [A, B], NOW_NS + 1)
    assert not second.take()
    second.sample(view, [A, B], NOW_NS + SECOND_NS)
    assert len(second.take()) == 2


@given(ask=st.integers(1, 10**9), bid=st.integers(1, 10**9))
def test_the_edge_is_the_exact_one_rounded_down(ask, bid):
    counter = sampler(every_ns=0)
    asking, bidding = (str(Decimal(price) / 100) for price in (ask, bid))
    view = view_of(book("a", "0.001", asking), book("b", bidding, "1e9"))
    counter.sample(view, [A, B], NOW_NS)
    exact = math.floor(Decimal(bid - ask) * 100_000 / ask)
    found = tenths(counter.take())["a:BTC/USD>b:BTC/USD"]
    assert found == (exact if -200 <= exact <= 10**9 else min(exact // 10 * 10, 10**9))


@pytest.mark.django_db
def test_offers_of_one_hour_add_up_in_their_rows():
    counter, view = sampler(every_ns=0), view_of(book("a", "99.9", "100"), book("b", "101", "101.1"))
    for at_ns in (NOW_NS, NOW_NS + 1):
        counter.sample(view, [A, B], at_ns)
        record_offers(counter.take(), scope=SIM)
    assert set(OfferedEdge.objects.in_scope(SIM).values_list("tenth_bps", "count")) == {(1_000, 2), (-1_190, 2)}


@pytest.mark.django_db
def test_no_offers_write_nothing():
    record_offers({}, scope=SIM)
    assert not OfferedEdge.objects.exists()
