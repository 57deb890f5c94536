"""The peg of a quote: shown by its own market, else by the base's prices in dollars; unknown where nobody shows it."""

import math
from decimal import Decimal

import pytest

from domain.market import Pair, Side
from domain.peg import depeg_bps
from domain.routes import Leg, Route
from tests.domain.books import NOW_NS, book, levels
from tests.fakes import DictView

ETH_USDC, ETH_USD, USDC_USD = (Pair.parse(symbol) for symbol in ("ETH/USDC", "ETH/USD", "USDC/USD"))
RATES = {"USD": Decimal(1), "USDC": Decimal(1)}


def around(venue, pair, middle, *, age_ms=0):
    bid, ask = (str(middle * share) for share in (0.999, 1.001))
    return book(venue, bids=levels((bid, "1")), asks=levels((ask, "1")), pair=pair, seen_at_ns=NOW_NS - age_ms * 10**6)


MARKETS = (around("a", ETH_USDC, 2000), around("b", ETH_USDC, 2020))


def seen(*beside, quote_usd=RATES, pair=ETH_USDC) -> float:
    view = DictView()
    view.put(*MARKETS, *beside)
    route = Route((Leg("a", pair, Side.BUY), Leg("b", pair, Side.SELL)))
    return depeg_bps(route, MARKETS, view, quote_usd=quote_usd, now_ns=NOW_NS, max_age_ms=2_000)


def test_dollars_are_what_they_are():
    assert seen(pair=ETH_USD) == 0


def test_the_quote_s_own_market_in_dollars_tells():
    assert seen(around("a", USDC_USD, 0.88), around("a", ETH_USD, 2010)) == pytest.approx(-1200)


def test_else_the_base_costs_so_many_dollars_and_so_many_of_the_quote():
    assert seen(around("a", ETH_USD, 1800), around("b", ETH_USD, 1818)) == pytest.approx(-1000)


def test_the_rate_that_the_quote_is_valued_at_is_what_it_is_held_against():
    assert seen(around("a", USDC_USD, 0.99), quote_usd={"USDC": Decimal("1.1")}) == pytest.approx(-1000)


@pytest.mark.parametrize(
    "unseen",
    [
        {},
        {"beside": (around("a", USDC_USD, 0.9, age_ms=2_001),)},
        {"beside": (around("a", USDC_USD, 0.9),), "quote_usd": {}},
        {"beside": (book("a", bids=(), asks=levels(("1", "1")), pair=USDC_USD),)},
    ],
)
def test_where_nobody_shows_it_or_it_has_no_rate_it_is_unknown(unseen):
    assert math.isnan(seen(*unseen.pop("beside", ()), **unseen))
