"""Books, routes and the strategies that draw them, for the tests of the domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import strategies as st

from domain.costs import FeeAsset, FeeSchedule
from domain.market import Book, Level, MarketKey, Pair, Side
from domain.routes import Leg, Route
from domain.terms import Caps, Lot

PAIR = Pair.parse("BTC/USD")
BUY_VENUE, SELL_VENUE = "alpaca", "kraken"
NOW_NS = 1_700_000_000 * 10**9
ROUTE = Route((Leg(BUY_VENUE, PAIR, Side.BUY), Leg(SELL_VENUE, PAIR, Side.SELL)))
FREE = FeeSchedule(Decimal(0), Decimal(0))
FINE = Lot(Decimal("1e-8"), Decimal(0), Decimal(0), Decimal("0.01"))


@dataclass(frozen=True)
class SizedBy:
    """What a size goes by beside its markets."""

    fees: Mapping[str, FeeSchedule]
    lots: Mapping[MarketKey, Lot]
    caps: Caps
    quote_usd: Mapping[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(1), "USDC": Decimal(1)})


def levels(*rows: tuple[str, str]) -> tuple[Level, ...]:
    """Return levels from prices and quantities in plain text."""
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows)


def book(
    venue: str = BUY_VENUE,
    *,
    bids: tuple[Level, ...] = levels(("99", "1")),
    asks: tuple[Level, ...] = levels(("100", "1")),
    seen_at_ns: int = NOW_NS,
    pair: Pair = PAIR,
) -> Book:
    """Return a book seen at an instant that the venue calls by the same time."""
    return Book(venue, pair, bids, asks, venue_at_ns=seen_at_ns, seen_at_ns=seen_at_ns, seq=1)


def flat_fee(taker_bps: str, charged_in: FeeAsset = FeeAsset.QUOTE) -> FeeSchedule:
    """Return a schedule that charges makers and takers alike."""
    return FeeSchedule(Decimal(taker_bps), Decimal(taker_bps), charged_in, source="test")


def key(venue: str, pair: Pair = PAIR) -> MarketKey:
    """Return the name of a market."""
    return MarketKey(venue, pair)


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Draw decimals with at most ``places`` digits behind the point."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


def sides_of_book(
    side: Side, *, low: str = "95", high: str = "105", quantity: str = "3", places: int = 2, most: int = 5
) -> st.SearchStrategy[tuple[Level, ...]]:
    """Draw the levels that an order on ``side`` would take from, best first."""
    prices = st.lists(decimals(low, high, 2), min_size=1, max_size=most, unique=True)
    drawn = st.tuples(prices, st.lists(decimals("0.1", quantity, places), min_size=most, max_size=most))
    return drawn.map(lambda both: _sorted(both[0], both[1], side))


def _sorted(prices: list[Decimal], quantities: list[Decimal], side: Side) -> tuple[Level, ...]:
    ordered = sorted(prices, reverse=side is Side.SELL)
    return tuple(Level(price, quantity) for price, quantity in zip(ordered, quantities, strict=False))
