"""Routes: which two markets are bought and sold against each other, and the view that holds both."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.market import Asset, Market, MarketKey, Pair, Side


class RouteKind(StrEnum):
    """What sort of markets a route joins."""

    BOOK_BOOK = "book_book"
    BOOK_POOL = "book_pool"  # bought from a book, sold to a pool
    POOL_BOOK = "pool_book"


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a route: what we do, where."""

    venue: str
    pair: Pair
    side: Side
    market: MarketKey = field(init=False, repr=False, compare=False)  # the market this leg trades on

    def __post_init__(self) -> None:
        object.__setattr__(self, "market", MarketKey(self.venue, self.pair))


@dataclass(frozen=True, slots=True)
class Route:
    """Buy on the first leg, sell on the second; ``conversions`` are the pairs that join unlike quotes.

    ``key`` is the name used in rows: ``kraken:BTC/USD>alpaca:BTC/USD``, buy first. What every look at a route asks for
    is worked out once.
    """

    legs: tuple[Leg, Leg]
    kind: RouteKind = RouteKind.BOOK_BOOK
    conversions: tuple[Pair, ...] = ()
    buy: Leg = field(init=False, repr=False, compare=False)
    sell: Leg = field(init=False, repr=False, compare=False)
    key: str = field(init=False, repr=False, compare=False)
    is_of_one_quote: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        buy, sell = self.legs
        object.__setattr__(self, "buy", buy)
        object.__setattr__(self, "sell", sell)
        object.__setattr__(self, "key", f"{buy.venue}:{buy.pair}>{sell.venue}:{sell.pair}")
        object.__setattr__(self, "is_of_one_quote", buy.pair.quote == sell.pair.quote)


class MarketView(Protocol):
    """The latest state of every market, and the routes that join them."""

    def book(self, key: MarketKey) -> Market | None:
        """Return the latest sound state of a market, or None where none has been seen."""

    def routes(self, key: MarketKey) -> Sequence[Route]:
        """Return every route with a leg on ``key``."""

    def priced(self, asset: Asset) -> Sequence[MarketKey]:
        """Return every market whose base is ``asset``: where its price can be seen."""


def routes_between(
    markets: Iterable[MarketKey], origins: Mapping[str, str] | None = None, *, pools: Container[str] = ()
) -> tuple[Route, ...]:
    """Return both directions of every pair of markets of different origin that share their base asset.

    ``origins`` names, by venue, whose books it shows: two views of one exchange are one market. A venue that it leaves
    out is its own. ``pools`` holds the venues whose markets are pools; two pools are not joined.
    """
    of = origins or {}
    by_base: dict[Asset, list[MarketKey]] = {}
    listed = sorted(markets, key=lambda key: (key.venue, key.pair.symbol))
    for market in listed:
        by_base.setdefault(market.pair.base, []).append(market)
    return tuple(
        Route((Leg(buy.venue, buy.pair, Side.BUY), Leg(sell.venue, sell.pair, Side.SELL)), kind)
        for buy in listed
        for sell in by_base[buy.pair.base]
        if of.get(buy.venue, buy.venue) != of.get(sell.venue, sell.venue)
        and (kind := _kind_of(buy.venue in pools, sell.venue in pools)) is not None
    )


def _kind_of(is_bought_from_pool: bool, is_sold_to_pool: bool) -> RouteKind | None:
    if is_bought_from_pool:
        return None if is_sold_to_pool else RouteKind.POOL_BOOK
    return RouteKind.BOOK_POOL if is_sold_to_pool else RouteKind.BOOK_BOOK


def route_said(key: str) -> str:
    """Return a route's key as it is said: the pair once where both legs trade it, then from where to where."""
    legs = [leg.partition(":") for leg in key.split(">")]
    if len({symbol for _, _, symbol in legs}) == 1:
        return f"{legs[0][2]} {' → '.join(venue for venue, _, _ in legs)}"
    return " → ".join(f"{venue} {symbol}".strip() for venue, _, symbol in legs)
