"""The candle rules: a minute's life, the books assumed around a price, and which price a fill meets."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.book import depth_of, validate
from domain.market import MarketKey, Pair
from domain.terms import Lot
from domain.timestamps import from_ns
from tests.fakes import detect_config
from tests.recorded import minute, write_candles
from trading.services.candles import read_candles
from trading.services.replay.candle_timeline import LEVELS, BookShape, CandleTimeline, decision_ns
from trading.services.replay.timeline import Opening

MARKET = MarketKey("kraken", Pair.parse("BTC/USDC"))
LOT = Lot(Decimal("1e-8"), Decimal("1e-8"), Decimal(10), Decimal("0.01"))
OPENING = Opening(detect_config(), 60 * 10**9, 250, (MARKET,), {})
SHAPE = BookShape(Decimal(2), Decimal(50_000), LOT)


def instants_of(tmp_path, prices, shape=SHAPE):
    """Return, for each minute, its book and the book that a fill in it meets."""
    candles = read_candles(write_candles(tmp_path, "kraken", prices), MARKET)
    timeline = CandleTimeline([candles], {MARKET: shape}, OPENING)
    return [(one.at_ns, one.books.get(MARKET), one.fill_book(MARKET)) for one in timeline.instants()]


def test_a_candle_lives_for_its_minute_alone(tmp_path):
    books = [book for _, book, _ in instants_of(tmp_path, {0: "100", 2: "100"})]
    assert [book is not None for book in books] == [True, False, True]


def test_a_decision_falls_into_the_day_of_its_candle():
    last_of_the_day = minute(24 * 60 - 1)
    assert from_ns(decision_ns(last_of_the_day)).date() == date(2023, 3, 11)
    assert decision_ns(minute(0)) < minute(1) * 10**9 < decision_ns(minute(1))


def test_the_book_stands_around_the_close_with_half_the_spread_on_either_side(tmp_path):
    ((_, book, _),) = instants_of(tmp_path, {0: ("99", "20000")})
    assert book is not None
    assert (book.bids[0].price, book.asks[0].price) == (Decimal(19_998), Decimal(20_002))
    assert len(book.bids) == len(book.asks) == LEVELS
    assert 49_000 < depth_of(book.asks) * 20_000 <= 50_000


def test_prices_are_rounded_against_us(tmp_path):
    ((_, book, _),) = instants_of(tmp_path, {0: "123.45"})
    assert book is not None
    assert book.bids[0].price == Decimal("123.43")  # 123.437655
    assert book.asks[0].price == Decimal("123.47")  # 123.462345


def test_a_buy_meets_the_greater_of_the_close_before_and_the_next_open(tmp_path):
    shape = BookShape(Decimal(0), Decimal(50_000), LOT)
    risen = instants_of(tmp_path, {0: ("100", "101"), 1: ("105", "90")}, shape)[1][2]
    fallen = instants_of(tmp_path, {0: ("100", "101"), 1: ("95", "200")}, shape)[1][2]
    assert risen is not None
    assert fallen is not None
    assert (risen.asks[0].price, risen.bids[0].price) == (105, 101)
    assert (fallen.asks[0].price, fallen.bids[0].price) == (101, 95)


def test_a_minute_without_a_candle_fills_nothing(tmp_path):
    assert instants_of(tmp_path, {0: "100", 2: "100"})[1][2] is None


def test_a_fill_after_a_gap_compares_with_the_last_close_there_was(tmp_path):
    shape = BookShape(Decimal(0), Decimal(50_000), LOT)
    met = instants_of(tmp_path, {0: ("100", "110"), 2: "100"}, shape)[2][2]
    assert met is not None
    assert (met.asks[0].price, met.bids[0].price) == (110, 100)


def test_days_run_from_the_first_minute_to_the_last_of_any_file(tmp_path):
    candles = read_candles(write_candles(tmp_path, "kraken", {0: "100", 24 * 60 * 2: "100"}), MARKET)
    timeline = CandleTimeline([candles], {MARKET: SHAPE}, OPENING)
    assert list(timeline.days) == [date(2023, 3, 11), date(2023, 3, 12), date(2023, 3, 13)]
    every = [instant.at_ns for instant in timeline.instants()]
    assert (every[0], every[-1], len(every)) == (timeline.first_ns, timeline.last_ns, 24 * 60 * 2 + 1)


@given(
    price=st.decimals("1", "100000", places=2),
    spread=st.decimals("0.01", "1000", places=2),
    depth=st.decimals("100", "10000000", places=2),
)
def test_every_assumed_book_is_sound_and_never_better_than_the_price(price, spread, depth):
    book = BookShape(spread, depth, LOT).around(MARKET, bid=price, ask=price, at_ns=1, seq=1)
    validate(book)
    assert book.bids[0].price < price < book.asks[0].price


def test_a_price_of_one_tick_leaves_no_bid_and_therefore_no_book(tmp_path):
    lot = Lot(LOT.step, LOT.min_quantity, LOT.min_quote, Decimal("1e-18"))
    seen = instants_of(tmp_path, {0: "1e-18", 1: "1"}, BookShape(Decimal(2), Decimal(50_000), lot))
    assert seen[0][1:] == (None, None)
    assert seen[1][1] is not None
