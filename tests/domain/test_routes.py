"""Routes: which markets are joined."""

from domain.market import MarketKey, Pair
from domain.routes import RouteKind, routes_between

BTC, ETH, BTC_USDC = Pair.parse("BTC/USD"), Pair.parse("ETH/USD"), Pair.parse("BTC/USDC")


def keys(*markets: MarketKey, **origins: str) -> list[str]:
    return [route.key for route in routes_between(markets, origins)]


def test_every_two_venues_of_a_base_are_joined_both_ways() -> None:
    assert keys(MarketKey("b", BTC), MarketKey("a", BTC), MarketKey("a", ETH)) == [
        "a:BTC/USD>b:BTC/USD",
        "b:BTC/USD>a:BTC/USD",
    ]


def test_unlike_quotes_of_one_base_are_joined_but_never_within_a_venue() -> None:
    assert keys(MarketKey("a", BTC), MarketKey("a", BTC_USDC), MarketKey("b", BTC_USDC)) == [
        "a:BTC/USD>b:BTC/USDC",
        "a:BTC/USDC>b:BTC/USDC",
        "b:BTC/USDC>a:BTC/USD",
        "b:BTC/USDC>a:BTC/USDC",
    ]


def test_venues_of_one_origin_are_one_market() -> None:
    markets = [MarketKey(venue, BTC) for venue in ("k1", "k2", "a1")]
    assert keys(*markets, k1="kraken", k2="kraken", a1="alpaca") == [
        "a1:BTC/USD>k1:BTC/USD",
        "a1:BTC/USD>k2:BTC/USD",
        "k1:BTC/USD>a1:BTC/USD",
        "k2:BTC/USD>a1:BTC/USD",
    ]


def test_a_venue_whose_origin_is_not_told_is_its_own() -> None:
    assert len(keys(MarketKey("a", BTC), MarketKey("b", BTC), a="b")) == 0
    assert len(keys(MarketKey("a", BTC), MarketKey("b", BTC), a="x")) == 2


def test_a_pool_is_joined_to_books_both_ways_and_to_no_other_pool() -> None:
    markets = [MarketKey(venue, ETH) for venue in ("kraken", "uniswap_v2", "sushiswap")]
    routes = routes_between(markets, pools={"uniswap_v2", "sushiswap"})
    assert {route.key: route.kind for route in routes} == {
        "kraken:ETH/USD>sushiswap:ETH/USD": RouteKind.BOOK_POOL,
        "kraken:ETH/USD>uniswap_v2:ETH/USD": RouteKind.BOOK_POOL,
        "sushiswap:ETH/USD>kraken:ETH/USD": RouteKind.POOL_BOOK,
        "uniswap_v2:ETH/USD>kraken:ETH/USD": RouteKind.POOL_BOOK,
    }


def test_books_alone_are_joined_as_books() -> None:
    routes = routes_between([MarketKey("a", BTC), MarketKey("b", BTC)])
    assert {route.kind for route in routes} == {RouteKind.BOOK_BOOK}
