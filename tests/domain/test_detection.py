"""Detection: the funnel a route passes, each reason to leave it, and agreement of the screen with exact sums."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.costs import FeeAsset
from domain.detection import (
    LARGEST_EDGE_BPS,
    Candidate,
    DetectConfig,
    Stage,
    _age_fault,
    _is_fresh,
    detect,
    near_miss_of,
)
from domain.errors import BadInput
from domain.features import FEATURE_NAMES, FeatureContext
from domain.market import Asset, Book, Level, MarketKey, Pair, Side
from domain.money import EXACT
from domain.routes import Route, routes_between
from domain.sizing import size_route
from domain.terms import Caps, Rejected, Sized
from domain.timestamps import NS_PER_MS
from tests.domain.books import (
    BUY_VENUE,
    FINE,
    NOW_NS,
    PAIR,
    ROUTE,
    SELL_VENUE,
    book,
    flat_fee,
    key,
    levels,
    sides_of_book,
)

CONFIG = DetectConfig(
    min_net_bps=Decimal(10),
    max_age_ms=1000,
    max_skew_ms=500,
    fees={BUY_VENUE: flat_fee("25", FeeAsset.RECEIVED), SELL_VENUE: flat_fee("40")},
    lots={key(BUY_VENUE): FINE, key(SELL_VENUE): FINE},
    caps=Caps(Decimal(10_000)),
    quote_usd={"USD": Decimal(1)},
)


@dataclass(frozen=True)
class View:
    """A market view over fixed books."""

    books: tuple[Book, ...]
    listed: tuple[Route, ...] = (ROUTE,)

    def book(self, wanted: MarketKey) -> Book | None:
        """Return the book of that market."""
        return next((book for book in self.books if MarketKey(book.venue, book.pair) == wanted), None)

    def routes(self, _: MarketKey) -> tuple[Route, ...]:
        """Return all routes."""
        return self.listed

    def priced(self, _: Asset) -> tuple[MarketKey, ...]:
        """Return nothing: no route here pays gas."""
        return ()


def found(*books: Book, now_ns: int = NOW_NS, config: DetectConfig = CONFIG) -> Candidate | Rejected:
    """Return what becomes of the example route."""
    (only,) = detect(key(BUY_VENUE), View(books), now_ns=now_ns, config=config)
    return only


def sells(bid: str, **changes: object) -> Book:
    """Return a book on the selling venue with that best bid."""
    return book(SELL_VENUE, bids=levels((bid, "1")), asks=levels(("120", "1")), **changes)


def why(result: Candidate | Rejected) -> tuple[str, str]:
    """Return where and why a route was left."""
    assert isinstance(result, Rejected)
    return result.at_stage, result.reason


def test_a_route_that_pays_after_every_cost_is_a_candidate():
    candidate = found(book(), sells("101"))
    assert isinstance(candidate, Candidate)
    assert candidate.gross_bps == Decimal("99.75")
    assert candidate.net_bps == Decimal("34.451")
    assert candidate.size == candidate.sized.buy_quantity == 1
    assert candidate.markets == (book(), sells("101"))
    assert len(candidate.costs) == 2


def test_a_missing_book_is_said():
    assert why(found(book())) == ("fresh", "no_book")


def test_a_book_with_an_empty_side_is_no_book():
    assert why(found(book(asks=()), sells("101"))) == ("fresh", "no_book")


@pytest.mark.parametrize("leg", [0, 1])
def test_either_leg_may_be_stale(leg):
    old = {"seen_at_ns": NOW_NS - 1001 * NS_PER_MS}
    books = (book(**old), sells("101")) if leg == 0 else (book(), sells("101", **old))
    assert why(found(*books)) == ("fresh", "stale")


def test_a_venue_clock_ahead_of_ours_makes_no_opportunity():
    ahead = replace(sells("101"), venue_at_ns=NOW_NS + 10**9)
    assert why(found(book(), ahead)) == ("fresh", "future")


def test_legs_seen_too_far_apart_are_skewed():
    apart = sells("101", seen_at_ns=NOW_NS - 501 * NS_PER_MS)
    assert why(found(book(), apart)) == ("fresh", "skewed")
    assert isinstance(found(book(), sells("101", seen_at_ns=NOW_NS - 500 * NS_PER_MS)), Candidate)


@pytest.mark.parametrize("bid", ["50", "100", "200"])
def test_unlike_quotes_are_said_on_calm_days_too(bid):
    usdc = Pair.parse("BTC/USDC")
    route = routes_between([MarketKey(BUY_VENUE, PAIR), MarketKey(SELL_VENUE, usdc)])[0]
    view = View((book(), replace(sells(bid), pair=usdc)), (route,))
    (only,) = detect(key(BUY_VENUE), view, now_ns=NOW_NS, config=CONFIG)
    assert why(only) == ("conversion", "no_conversion")


def test_staleness_comes_before_conversion():
    usdc = Pair.parse("BTC/USDC")
    route = routes_between([MarketKey(BUY_VENUE, PAIR), MarketKey(SELL_VENUE, usdc)])[0]
    view = View((book(), replace(sells("101"), pair=usdc)), (route,))
    (only,) = detect(key(BUY_VENUE), view, now_ns=NOW_NS + 10**10, config=CONFIG)
    assert why(only) == ("fresh", "stale")


@pytest.mark.parametrize("bid", ["99", "100"])
def test_prices_that_do_not_cross_are_left_at_once(bid):
    assert why(found(book(), sells(bid))) == ("crossed", "not_crossed")


def test_an_edge_below_costs_is_below_the_threshold_and_says_by_how_much():
    rejected = found(book(), sells("100.60"))
    assert why(rejected) == ("cost", "below_threshold")
    assert rejected.gross_bps == 60
    assert rejected.net_bps == Decimal("-5.2894")


def test_a_size_below_the_minimum_is_too_small():
    config = replace(CONFIG, lots={**CONFIG.lots, key(BUY_VENUE): replace(FINE, min_quantity=Decimal(2))})
    assert why(found(book(), sells("101"), config=config)) == ("size", "too_small")


def test_an_edge_exactly_at_the_threshold_is_not_above_it():
    net_bps = found(book(), sells("101")).net_bps
    config = replace(CONFIG, min_net_bps=net_bps)
    assert why(found(book(), sells("101"), config=config)) == ("cost", "below_threshold")


def test_a_negative_threshold_never_lets_a_loss_through():
    config = replace(CONFIG, min_net_bps=Decimal(-100))
    assert why(found(book(), sells("100.60"), config=config)) == ("cost", "below_threshold")


def test_every_route_of_the_changed_market_is_judged():
    routes = routes_between([key("a"), key("b"), key("c")])
    answers = list(detect(key("a"), View((), routes), now_ns=NOW_NS, config=CONFIG))
    assert [answer.route for answer in answers] == list(routes)


def test_a_candidate_carries_what_the_models_are_told():
    config = replace(CONFIG, context={"BTC/USD": FeatureContext(volatility_1h=0.9, volatility_24h=0.3)})
    features = found(book(), sells("101"), config=config).features.as_dict()
    assert tuple(features) == FEATURE_NAMES
    assert features["volatility_ratio"] == pytest.approx(3)
    assert features["returns_1h"] is None


@pytest.mark.parametrize("name", ["max_age_ms", "max_skew_ms"])
def test_a_negative_setting_is_named(name):
    with pytest.raises(BadInput, match=name):
        replace(CONFIG, **{name: -1})


def test_the_stages_are_listed_in_the_order_of_the_funnel():
    assert list(Stage) == ["fresh", "conversion", "crossed", "cost", "size", "score", "admission", "paid"]


@given(asks=sides_of_book(Side.BUY, high="101"), bids=sides_of_book(Side.SELL, low="99"))
def test_the_screen_never_drops_what_exact_sums_would_keep(asks, bids):
    markets = (book(asks=asks), book(SELL_VENUE, bids=bids))
    result = found(*markets)
    sized = size_route(ROUTE, markets, config=CONFIG)
    pays = isinstance(sized, Sized) and sized.net_quote * 10_000 > CONFIG.min_net_bps * sized.buy_quote
    assert isinstance(result, Candidate) == pays


@given(asks=sides_of_book(Side.BUY), bids=sides_of_book(Side.SELL))
def test_a_candidate_always_clears_its_threshold_after_every_cost(asks, bids):
    result = found(book(asks=asks), book(SELL_VENUE, bids=bids))
    if isinstance(result, Candidate):
        assert CONFIG.min_net_bps < result.net_bps < result.gross_bps
        assert result.sized.net_quote > 0


def wild_side(side: Side) -> st.SearchStrategy[tuple[Level, ...]]:
    """Draw levels of any size that a venue's wire lets through: 18 whole digits, 18 behind the point."""
    number = st.integers(1, 10**36 - 1).map(lambda digits: Decimal(digits).scaleb(-18, context=EXACT))
    some = st.lists(st.tuples(number, number), min_size=1, max_size=5, unique_by=lambda level: level[0])
    return some.map(lambda rows: tuple(Level(*row) for row in sorted(rows, reverse=side is Side.SELL)))


@given(asks=wild_side(Side.BUY), bids=wild_side(Side.SELL))
@example(asks=levels(("1e-18", "1")), bids=levels(("100000000000000000", "0.0000001")))
@example(asks=levels(("0.000123", "1e17")), bids=levels(("99", "1e17"), ("1e-18", "1e17")))
def test_no_book_however_wild_makes_detection_fail_or_an_edge_that_no_column_holds(asks, bids):
    result = found(book(asks=asks), book(SELL_VENUE, bids=bids), config=replace(CONFIG, caps=Caps(Decimal(10) ** 12)))
    if isinstance(result, Candidate):
        assert result.gross_bps <= LARGEST_EDGE_BPS


def test_an_edge_that_no_market_ever_paid_is_out_of_range():
    assert why(found(book(asks=levels(("0.001", "100000"))), sells("119"))) == ("size", "out_of_range")


ages_ns = st.integers(-1_200 * NS_PER_MS, 1_200 * NS_PER_MS)


@given(bought_ns=ages_ns, sold_ns=ages_ns, venue_ns=ages_ns)
def test_what_the_short_look_at_ages_passes_the_long_one_passes_too(bought_ns, sold_ns, venue_ns):
    buy = book(seen_at_ns=NOW_NS - bought_ns)
    sell = replace(sells("101"), seen_at_ns=NOW_NS - sold_ns, venue_at_ns=NOW_NS - venue_ns)
    oldest_ns, skew_ns = NOW_NS - CONFIG.max_age_ms * NS_PER_MS, CONFIG.max_skew_ms * NS_PER_MS
    if _is_fresh(buy, sell, oldest_ns, NOW_NS, skew_ns):
        assert _age_fault(buy, sell, NOW_NS, CONFIG) is None


NEAR = replace(CONFIG, near_miss_bps=Decimal(50))


def near_miss(*books: Book, config: DetectConfig = NEAR) -> Candidate | None:
    """Return the near miss that the example route is on these books."""
    rejected = found(*books, config=config)
    assert isinstance(rejected, Rejected)
    return near_miss_of(rejected, View(books), now_ns=NOW_NS, config=config)


def test_a_route_that_falls_short_by_little_is_told_as_it_would_have_been_traded():
    missed = near_miss(book(), sells("100.5"))
    assert missed is not None
    assert missed.size == Decimal(1)
    assert missed.net_bps == Decimal("-15.2245")
    assert len(missed.features.values) == len(FEATURE_NAMES)
    named = missed.features.as_dict()
    assert named["net_bps"] == pytest.approx(-15.2245)
    assert missed.judged_at_ns == NOW_NS and len(missed.costs) == 2


@pytest.mark.parametrize(
    ("least", "distance", "net", "is_near"),
    [
        ("10", "5", "10", True),
        ("10", "5", "5.01", True),
        ("10", "5", "5", False),
        ("10", "5", "10.01", False),
        ("0", "5", "0", True),
        ("-20", "5", "-4.9", True),
        ("-20", "5", "-5", False),
        ("10", "0", "10", False),
    ],
)
def test_near_is_what_lies_within_the_distance_below_a_threshold_that_is_never_below_zero(
    least, distance, net, is_near
):
    config = replace(CONFIG, min_net_bps=Decimal(least), near_miss_bps=Decimal(distance))
    assert config.is_near_miss(Decimal(net)) is is_near
    assert not (is_near and config.pays(Decimal(net)))


def test_what_falls_short_by_more_once_its_lots_are_reckoned_is_no_near_miss():
    thin = book(asks=levels(("100", "0.0001")))
    assert near_miss(thin, sells("100.5")) is not None
    coarse = replace(NEAR, lots={key(BUY_VENUE): replace(FINE, min_quantity=Decimal(1)), key(SELL_VENUE): FINE})
    assert near_miss(thin, sells("100.5"), config=coarse) is None
    assert near_miss(book(), sells("100.05")) is None


def test_a_route_whose_books_are_gone_is_no_near_miss():
    rejected = found(book(), sells("100.5"), config=NEAR)
    assert near_miss_of(rejected, View(()), now_ns=NOW_NS, config=NEAR) is None


@given(asks=sides_of_book(Side.BUY), bids=sides_of_book(Side.SELL))
def test_no_route_is_an_opportunity_and_a_near_miss_at_once(asks, bids):
    books = book(asks=asks), book(SELL_VENUE, bids=bids, asks=levels(("120", "1")))
    result = found(*books, config=NEAR)
    if isinstance(result, Candidate):
        assert not NEAR.is_near_miss(result.net_bps)
    elif (missed := near_miss_of(result, View(books), now_ns=NOW_NS, config=NEAR)) is not None:
        assert NEAR.is_near_miss(missed.net_bps)
