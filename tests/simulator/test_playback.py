"""A market that is played from a recording."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import BadInput
from domain.market import Book, Level, MarketKey, Pair
from domain.terms import Lot
from simulator.playback import PlayedMarket
from simulator.played import PlayedDoubles, instruments_of

BTC = MarketKey("kraken", Pair.parse("BTC/USD"))
ODD = MarketKey("a7", Pair.parse("ODD/USD"))
LOT = Lot(Decimal("0.001"), Decimal("0.01"), Decimal(1), Decimal("0.25"))
T0 = 1_700_000_000 * 10**9
NOW = 1_800_000_000 * 10**9
S = 10**9


def seen(key: MarketKey, after_s: float, bid: str = "99") -> tuple[int, Book]:
    at_ns = T0 + int(after_s * S)
    bids, asks = (Level(Decimal(bid), Decimal("1.50")),), (Level(Decimal(100), Decimal(2)),)
    return at_ns, Book(key.venue, key.pair, bids, asks, at_ns - 5_000_000, at_ns, 1)


def market(*looks: tuple[int, Book], speed: float = 1.0) -> PlayedMarket:
    return PlayedMarket(iter(looks), instruments_of({BTC: LOT, ODD: LOT}), start_ns=NOW, speed=speed)


def test_books_come_at_the_distance_they_came_then_and_as_old_as_they_were() -> None:
    played = market(seen(BTC, 0), seen(ODD, 1.5), seen(BTC, 2, bid="98"))
    (first,) = played.advance(NOW)
    assert (first.seen_at_ns, first.venue_at_ns) == (NOW, NOW - 5_000_000)
    assert played.advance(NOW + S) == []
    assert [book.venue for book in played.advance(NOW + 2 * S)] == ["a7", "kraken"]
    assert played.book(BTC).bids[0].price == 98
    assert played.is_over
    assert played.elapsed_s == 2


def test_a_recording_is_played_faster_where_it_is_asked() -> None:
    played = market(seen(BTC, 0), seen(BTC, 10, bid="98"), speed=10.0)
    assert len(played.advance(NOW + S - 1)) == 1
    assert len(played.advance(NOW + S)) == 1


def test_a_market_has_no_book_before_its_first_one() -> None:
    played = market(seen(BTC, 0))
    assert played.markets == (BTC, ODD)
    played.advance(NOW)
    assert set(played.books) == {BTC}
    with pytest.raises(BadInput, match="ODD/USD on a7 has no book yet"):
        played.book(ODD)


def test_an_empty_recording_is_over_at_once() -> None:
    played = market()
    assert played.is_over
    assert played.advance(NOW + S) == []


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), 1e9])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(BadInput, match="speed"):
        market(seen(BTC, 0), speed=speed)


def test_grids_are_those_of_the_lots_in_powers_of_ten() -> None:
    instrument = instruments_of({ODD: LOT})[ODD]
    assert (instrument.tick, instrument.lot) == (Decimal("0.01"), Decimal("0.001"))
    coarse = instruments_of({ODD: replace(LOT, tick=Decimal(5))})[ODD]
    assert coarse.tick == 1


def test_a_venue_whose_adapter_has_no_double_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="binanceus"):
        PlayedDoubles(market(), {"kraken": "kraken", "a7": "binanceus"}, clock=lambda: 0)
