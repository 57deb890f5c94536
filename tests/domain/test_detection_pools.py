"""Detection between an order book and a pool: both ways, with gas, and never more let out than exact sums keep."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.book import validate
from domain.costs import CostKind
from domain.detection import LARGEST_EDGE_BPS, Candidate, DetectConfig, detect, gas_of
from domain.errors import BadInput, BadMarketData
from domain.gas import GasTerms
from domain.market import Asset, Level, Market, MarketKey, Side
from domain.routes import Route, RouteKind, routes_between
from domain.sizing import size_route
from domain.terms import Caps, Lot, Rejected, Sized
from domain.timestamps import NS_PER_MS
from tests.domain.books import FREE, NOW_NS, book, decimals, flat_fee, levels
from tests.domain.pools import ETH_USDC, POOL_VENUE, pool, pools

BOOK_VENUE = "kraken"
ETH = Asset("ETH")
BOOK_KEY, POOL_KEY = MarketKey(BOOK_VENUE, ETH_USDC), MarketKey(POOL_VENUE, ETH_USDC)
FINEST = Lot(Decimal("1e-18"), Decimal(0), Decimal(0), Decimal("1e-18"))
ROUTES = routes_between([BOOK_KEY, POOL_KEY], pools=[POOL_VENUE])
CONFIG = DetectConfig(
    min_net_bps=Decimal(10),
    max_age_ms=1000,
    max_skew_ms=500,
    fees={BOOK_VENUE: flat_fee("25"), POOL_VENUE: FREE},
    lots={BOOK_KEY: Lot(Decimal("0.0001"), Decimal("0.001"), Decimal(1), Decimal("0.01")), POOL_KEY: FINEST},
    caps=Caps(Decimal(10_000)),
    quote_usd={"USDC": Decimal(1)},
    gas={POOL_VENUE: GasTerms(110_000, ETH)},
)


@dataclass(frozen=True)
class View:
    """A market view over fixed markets."""

    markets: tuple[Market, ...]
    price_markets: tuple[MarketKey, ...] = (BOOK_KEY, POOL_KEY)

    def book(self, wanted: MarketKey) -> Market | None:
        """Return that market."""
        return next((one for one in self.markets if MarketKey(one.venue, one.pair) == wanted), None)

    def routes(self, _: MarketKey) -> tuple[Route, ...]:
        """Return both ways between the book and the pool."""
        return ROUTES

    def priced(self, _: Asset) -> tuple[MarketKey, ...]:
        """Return where an ETH is priced."""
        return self.price_markets


def eth(bid: str, ask: str, **changes: object):
    """Return the order book of an ETH."""
    return book(BOOK_VENUE, bids=levels((bid, "3")), asks=levels((ask, "3")), pair=ETH_USDC, **changes)


def found(*markets: Market, config: DetectConfig = CONFIG, view: View | None = None) -> dict[RouteKind, object]:
    """Return what becomes of the route from the pool and of the one to it."""
    seen = detect(POOL_KEY, view or View(markets), now_ns=NOW_NS, config=config)
    return {answer.route.kind: answer for answer in seen}


def test_a_dear_book_is_sold_what_the_pool_sells():
    answers = found(pool(), eth("2040", "2041"))
    candidate = answers[RouteKind.POOL_BOOK]
    assert isinstance(candidate, Candidate)
    assert candidate.route.key == "uniswap_v2:ETH/USDC>kraken:ETH/USDC"
    assert candidate.sized.buy_quote < candidate.sized.sell_quote
    assert CONFIG.min_net_bps < candidate.net_bps < candidate.gross_bps
    assert answers[RouteKind.BOOK_POOL].reason == "not_crossed"


def test_a_cheap_book_sells_to_the_pool():
    answers = found(pool(), eth("1959", "1960"))
    assert isinstance(answers[RouteKind.BOOK_POOL], Candidate)
    assert answers[RouteKind.POOL_BOOK].reason == "not_crossed"


def test_gas_is_a_cost_of_the_candidate_at_the_dearest_ask():
    candidate = found(pool(gas_price_wei=20 * 10**9), eth("2040", "2050"))[RouteKind.POOL_BOOK]
    assert candidate.gas.amount == Decimal("0.0022")
    assert candidate.gas.quote == Decimal("0.0022") * 2050
    (line,) = (line for line in candidate.costs if line.kind is CostKind.GAS)
    assert line.usd == candidate.gas.quote
    fees = sum(line.usd for line in candidate.costs if line.kind is CostKind.FEE)
    assert candidate.sized.net_quote == candidate.sized.gross_quote - fees - candidate.gas.quote


def test_gas_dearer_than_the_edge_leaves_the_route_below_its_threshold():
    left = found(pool(gas_price_wei=2_000 * 10**9), eth("2040", "2041"))[RouteKind.POOL_BOOK]
    assert (left.at_stage, left.reason) == ("cost", "below_threshold")
    assert left.net_bps < 0 < left.gross_bps


def test_a_native_asset_without_a_price_leaves_the_route_and_says_so():
    markets = (pool(), eth("2040", "2041"))
    left = found(view=View(markets, price_markets=()))[RouteKind.POOL_BOOK]
    assert (left.at_stage, left.reason) == ("cost", "no_gas_price")


def test_gas_that_is_not_stated_is_never_guessed():
    with pytest.raises(BadInput, match="no gas is known"):
        found(pool(), eth("2040", "2041"), config=replace(CONFIG, gas={}))


def test_a_route_without_a_chain_owes_no_gas():
    markets = (eth("1", "2"), replace(eth("3", "4"), venue="alpaca"))
    route = replace(ROUTES[0])
    assert gas_of(route, markets, View(markets), now_ns=NOW_NS, config=CONFIG) is None


def test_a_candidate_tells_the_ages_and_the_skew_it_was_judged_by():
    old = eth("2040", "2041", seen_at_ns=NOW_NS - 300 * NS_PER_MS)
    candidate = found(pool(seen_at_ns=NOW_NS - 40 * NS_PER_MS), old)[RouteKind.POOL_BOOK]
    assert (candidate.ages_ms, candidate.skew_ms) == ((40.0, 300.0), 260.0)
    named = candidate.features.as_dict()
    assert (named["buy_age_ms"], named["sell_age_ms"], named["skew_ms"]) == (40.0, 300.0, 260.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seen_at_ns": NOW_NS - 1001 * NS_PER_MS}, "stale"),
        ({"venue_at_ns": NOW_NS + 501 * NS_PER_MS}, "future"),
        ({"seen_at_ns": NOW_NS - 501 * NS_PER_MS}, "skewed"),
    ],
)
def test_a_pool_s_ages_are_judged_like_a_book_s(changes, reason):
    left = found(replace(pool(), **changes), eth("2040", "2041"))[RouteKind.POOL_BOOK]
    assert (left.at_stage, left.reason) == ("fresh", reason)


def sides(low: str, high: str) -> st.SearchStrategy[tuple[Level, ...]]:
    """Draw some levels about the pool's price, best bid first."""
    drawn = st.lists(st.tuples(decimals(low, high, 2), decimals("0.01", "4", 3)), min_size=1, max_size=5)
    return drawn.map(lambda rows: tuple(Level(*row) for row in sorted({row[0]: row for row in rows}.values())[::-1]))


@given(bids=sides("1990", "2060"), asks=sides("1940", "2010"), gwei=st.integers(0, 300))
def test_what_is_let_out_is_exactly_what_exact_sums_keep(bids, asks, gwei):
    state = pool(gas_price_wei=gwei * 10**9)
    market = book(BOOK_VENUE, bids=bids, asks=asks[::-1], pair=ETH_USDC)
    view = View((state, market))
    for answer in found(view=view).values():
        route = answer.route
        markets = (state, market) if route.kind is RouteKind.POOL_BOOK else (market, state)
        gas = gas_of(route, markets, view, now_ns=NOW_NS, config=CONFIG)
        sized = size_route(route, markets, config=CONFIG, gas=gas)
        pays = isinstance(sized, Sized) and sized.net_quote * 10_000 > CONFIG.min_net_bps * sized.buy_quote
        assert isinstance(answer, Candidate) == pays


wild_numbers = st.integers(1, 10**36 - 1).map(lambda digits: Decimal(digits).scaleb(-18))


def is_sound(market: Market) -> bool:
    """Whether it would have been let in."""
    try:
        validate(market)
    except BadMarketData:
        return False
    return True


@given(state=pools(), price=wild_numbers, quantity=wild_numbers, side=st.sampled_from(Side))
def test_no_pool_however_wild_makes_detection_fail(state, price, quantity, side):
    assume(is_sound(state))
    level, other = Level(price, quantity), Level(price * 2, Decimal(1))
    asks, bids = ((other,), (level,)) if side is Side.SELL else ((level,), (Level(price / 2, Decimal(1)),))
    market = book(BOOK_VENUE, bids=bids, asks=asks, pair=ETH_USDC)
    config = replace(CONFIG, caps=Caps(Decimal(10) ** 12), min_net_bps=Decimal(0))
    for answer in found(state, market, config=config).values():
        assert isinstance(answer, Rejected) or 0 < answer.net_bps <= answer.gross_bps <= LARGEST_EDGE_BPS
