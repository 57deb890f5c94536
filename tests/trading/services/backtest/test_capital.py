"""Capital: where it is put, and what is free of it while orders run."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeSchedule
from domain.equity import Place
from domain.errors import BadInput
from domain.market import MarketKey, Pair
from domain.money import exact_sum
from tests.fakes import SIM, book, no_model
from tests.recorded import write_candles
from trading.models import Balance, Order
from trading.services import pipeline
from trading.services.backtest.capital import BalanceHoldings, Listing, first_prices, middle_of, put_in_place, spread
from trading.services.decision import Decision
from trading.services.replay.options import ReplayOptions
from trading.services.replay.source import open_source

BTC_USD, BTC_USDC, ETH_USD = (Pair.parse(symbol) for symbol in ("BTC/USD", "BTC/USDC", "ETH/USD"))
USD = {"USD": Decimal(1), "USDC": Decimal(1)}
FEES = {venue: FeeSchedule(Decimal(40), Decimal(40)) for venue in ("a", "b")}


def put(capital: str, prices: dict[MarketKey, str], *silent: MarketKey) -> dict[Place, Decimal]:
    """Return what lies where once this capital is spread over these markets."""
    listing = Listing((*prices, *silent), USD)
    found = spread(Decimal(capital), listing, {market: Decimal(price) for market, price in prices.items()})
    return {one.place: one.amount for one in found}


def test_half_is_coins_and_half_is_quote_at_every_venue():
    found = put("10000", {MarketKey("a", BTC_USD): "20000", MarketKey("b", BTC_USD): "25000"})
    assert found == {
        Place("a", "BTC"): Decimal("0.125"),
        Place("a", "USD"): Decimal(2500),
        Place("b", "BTC"): Decimal("0.1"),
        Place("b", "USD"): Decimal(2500),
    }


def test_venues_share_equally_and_so_do_the_markets_of_a_venue():
    prices = {MarketKey("a", BTC_USD): "20000", MarketKey("a", ETH_USD): "2000", MarketKey("b", BTC_USD): "20000"}
    found = put("8000", prices)
    assert found[Place("a", "USD")] == found[Place("b", "USD")] == 2000
    assert (found[Place("a", "BTC")], found[Place("a", "ETH")]) == (Decimal("0.05"), Decimal("0.5"))
    assert found[Place("b", "BTC")] == Decimal("0.1")


def test_a_market_that_never_shows_a_price_keeps_its_share_in_quote():
    assert put("4000", {MarketKey("a", BTC_USD): "20000"}, MarketKey("b", BTC_USD))[Place("b", "USD")] == 2000


def test_coins_of_two_markets_of_a_venue_are_one_balance_at_one_price():
    listing = Listing((MarketKey("a", BTC_USD), MarketKey("a", BTC_USDC), MarketKey("b", BTC_USD)), USD)
    assert list(listing.priced_by.values()) == [Place("a", "BTC"), Place("b", "BTC")]
    found = spread(Decimal(8000), listing, dict.fromkeys(listing.markets, Decimal(20000)))
    assert {one.place: one.amount for one in found}[Place("a", "BTC")] == Decimal("0.1")


def test_too_little_is_said():
    with pytest.raises(BadInput, match="too little to be put in 4 places"):
        put("0.00000001", {MarketKey("a", BTC_USD): "20000", MarketKey("b", BTC_USD): "20000"})


@given(
    capital=st.decimals("100", "1000000", places=2),
    prices=st.lists(st.decimals("0.01", "90000", places=2), min_size=2, max_size=5),
)
def test_never_more_than_the_capital_is_put_and_hardly_less(capital, prices):
    markets = {MarketKey(f"v{number}", BTC_USD): price for number, price in enumerate(prices)}
    found = spread(capital, Listing(tuple(markets), USD), markets)
    total = exact_sum(one.usd for one in found)
    assert capital - Decimal("0.000001") < total <= capital


def test_the_first_prices_are_the_middles_of_the_first_books(tmp_path):
    files = [
        write_candles(tmp_path, "kraken", {1: "20000", 2: "30000"}),
        write_candles(tmp_path, "binanceus", {0: "20200"}),
    ]
    found = first_prices(open_source(files, ReplayOptions()).timeline)
    assert {market.venue: price for market, price in found.items()} == {"kraken": 20000, "binanceus": 20200}
    assert middle_of(book("a", "99", "100")) == Decimal("99.5")


@pytest.fixture
def held(line):
    """Return a function that puts balances in place and tells what is free."""

    def put_and_hold(**amounts: str) -> BalanceHoldings:
        for name, amount in amounts.items():
            venue, asset = name.split("_")
            Balance.objects.create(**SIM.columns, venue=venue, asset=asset, amount=Decimal(amount))
        holdings = BalanceHoldings(SIM, fees=FEES, quotes=frozenset({"USD"}))
        holdings.refresh()
        return holdings

    return put_and_hold


def test_of_a_quote_what_the_limit_may_cost_beyond_the_plan_is_kept_back(held, settings):
    holdings = held(a_USD="1000", b_BTC="0.5")
    slippage = settings.ARB.trading.leg_slippage_bps
    assert holdings.free("a", "USD") * (10_000 + slippage) / 10_000 < 1000
    assert holdings.free("a", "USD") > 995
    assert holdings.free("b", "BTC") == Decimal("0.5")
    assert holdings.free("a", "BTC") == holdings.free("c", "USD") == 0


def test_balances_of_a_run_are_put_once(db):
    listing = Listing((MarketKey("a", BTC_USD), MarketKey("b", BTC_USD)), USD)
    positions = spread(Decimal(1000), listing, dict.fromkeys(listing.markets, Decimal(100)))
    put_in_place(positions, scope=SIM)
    put_in_place(positions, scope=SIM)
    assert Balance.objects.in_scope(SIM).count() == 4


def limited(line, *books, holdings):
    """Return what would be traded by what lies there."""
    line.view.put(*books)
    changed = next(iter(line.view.books))
    config, clock = line.config, line.clock
    found = pipeline.decide(changed, line.view, config=config, score=no_model, clock=clock, holdings=holdings)
    return [one for one in found if isinstance(one, Decision)]


def test_a_running_order_holds_what_it_may_still_take(line, held):
    holdings = held(a_USD="10000", a_BTC="1", b_USD="10000", b_BTC="5")
    execution = line.open(book("a", "99", "100"), book("b", "101", "102"))
    buy, sell = Order.objects.filter(execution=execution).order_by("leg")
    before = holdings.free("a", "USD")
    holdings.refresh()
    assert before - holdings.free("a", "USD") > buy.quantity * buy.limit_price
    assert holdings.free("b", "BTC") == 5 - sell.quantity
    line.run(execution.pk)
    holdings.refresh()
    assert holdings.free("b", "BTC") == 5 - sell.quantity
    assert holdings.free("a", "BTC") == 1 + buy.quantity


def test_what_an_execution_of_the_same_instant_took_is_not_taken_twice(line, held):
    holdings = held(a_USD="10000", b_BTC="1")
    books = (book("a", "99", "100"), book("b", "101", "102"))
    (decision,) = limited(line, *books, holdings=holdings)
    assert decision.candidate.sized.sell_quantity == 1
    Balance.objects.filter(venue="b", asset="BTC").update(amount=Decimal("0.25"))
    assert Order.objects.get(execution_id=line.commit(decision), side="sell").quantity == Decimal("0.25")


def test_what_is_gone_at_the_commit_is_no_trade(line, held):
    holdings = held(a_USD="10000", b_BTC="1")
    (decision,) = limited(line, book("a", "99", "100"), book("b", "101", "102"), holdings=holdings)
    Balance.objects.filter(venue="b", asset="BTC").update(amount=Decimal(0))
    assert line.commit(decision).reason == "no_inventory"
    assert not Order.objects.exists()
