"""Gas: units at the next block's price, told in quote at the dearest fresh ask, and never guessed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.gas import GasTerms, NativePrice, gas_amount, gas_due, native_price, terms_of
from domain.market import Asset, Market, MarketKey, Pair
from domain.routes import Route
from domain.timestamps import NS_PER_MS
from tests.domain.books import NOW_NS, book, levels
from tests.domain.pools import ETH_USDC, GWEI, pool

ETH = Asset("ETH")
ETH_USD = Pair.parse("ETH/USD")
USDC = Asset("USDC")
RATES = {"USD": Decimal(1), "USDC": Decimal("0.9995")}
TERMS = GasTerms(110_000, ETH)


class View:
    """A market view over fixed markets."""

    def __init__(self, *markets: Market) -> None:
        self._markets = {MarketKey(market.venue, market.pair): market for market in markets}

    def book(self, key: MarketKey) -> Market | None:
        """Return that market."""
        return self._markets.get(key)

    def routes(self, _: MarketKey) -> tuple[Route, ...]:
        """Return none."""
        return ()

    def priced(self, asset: Asset) -> list[MarketKey]:
        """Return the markets of ``asset``, and one of which nothing has been seen."""
        return [key for key in (*self._markets, MarketKey("unseen", ETH_USDC)) if key.pair.base == asset]


def asked(venue: str, ask: str, pair: Pair = ETH_USDC, *, age_ms: int = 0):
    """Return a book that asks so much for an ETH."""
    seen_at_ns = NOW_NS - age_ms * NS_PER_MS
    return book(venue, bids=levels(("1", "1")), asks=levels((ask, "1")), pair=pair, seen_at_ns=seen_at_ns)


def priced(*markets: Market, quote: Asset = USDC, rates: dict[str, Decimal] | None = None) -> NativePrice | None:
    """Return what an ETH costs over these markets."""
    stated = RATES if rates is None else rates
    return native_price(ETH, quote, View(*markets), quote_usd=stated, now_ns=NOW_NS, max_age_ms=1000)


def test_gas_is_units_times_the_next_block_s_price_exactly():
    assert gas_amount(pool(gas_price_wei=21_500_000_001), TERMS) == Decimal("0.00236500000011")


def test_what_is_due_is_told_in_the_native_asset_and_in_quote():
    price = NativePrice(Decimal("2003.1"), MarketKey("kraken", ETH_USDC))
    due = gas_due(pool(gas_price_wei=20 * GWEI), TERMS, price)
    assert (due.venue, due.asset, due.amount) == ("uniswap_v2", ETH, Decimal("0.0022"))
    assert (due.rate, due.quote) == (Decimal("2003.1"), Decimal("4.40682"))
    assert due.source == "110000 units at 20 gwei, ETH as asked on kraken ETH/USDC"


@given(st.integers(1, 10**7), st.integers(0, 10**15), st.decimals("1e-12", "1e6", places=18))
def test_gas_is_never_understated(units, gas_price_wei, rate):
    due = gas_due(pool(gas_price_wei=gas_price_wei), GasTerms(units, ETH), NativePrice(rate, MarketKey("k", ETH_USDC)))
    exact_attos = units * gas_price_wei * int(rate.scaleb(18))
    assert exact_attos <= int(due.quote.scaleb(18)) * 10**18 < exact_attos + 10**18


def test_the_dearest_fresh_ask_prices_the_native_asset():
    found = priced(asked("a", "2000"), asked("b", "2010"), asked("c", "2005"))
    assert found == NativePrice(Decimal(2010), MarketKey("b", ETH_USDC))


def test_an_ask_in_another_quote_comes_by_way_of_dollars_rounded_up():
    found = priced(asked("a", "2000", ETH_USD))
    assert 0 <= found.rate * Decimal("0.9995") - 2000 < Decimal("1e-17")
    assert found.rate > 2001


def test_a_pool_prices_it_too():
    state = pool()
    assert priced(state) == NativePrice(state.best_ask.quantize(Decimal("1e-18")), MarketKey(state.venue, ETH_USDC))


def test_stale_asks_and_quotes_without_a_rate_price_nothing():
    assert priced(asked("a", "2000", age_ms=1001)) is None
    assert priced(asked("a", "2000", Pair.parse("ETH/EUR"))) is None
    assert priced(asked("a", "2000"), rates={"USD": Decimal(1)}) is None
    assert priced() is None
    assert priced(asked("a", "2000", age_ms=1001), asked("b", "1990")).rate == 1990


def test_a_clock_that_is_ahead_prices_nothing():
    assert priced(replace(asked("a", "2000"), venue_at_ns=NOW_NS + 10**9)) is None


def test_gas_that_is_not_stated_is_never_guessed():
    assert terms_of({"uniswap_v2": TERMS}, "uniswap_v2") is TERMS
    with pytest.raises(BadInput, match="no gas is known for a swap on 'sushiswap'"):
        terms_of({"uniswap_v2": TERMS}, "sushiswap")


@pytest.mark.parametrize("units", [0, -5])
def test_a_swap_takes_some_gas(units):
    with pytest.raises(BadInput, match=f"{units} units of gas"):
        GasTerms(units, ETH)
