"""Fakes we own: a clock that is set, a view that is a dictionary, books and settings in one line each."""

from dataclasses import dataclass, field
from decimal import Decimal

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.features import Abstained, FeatureVector
from domain.market import Book, Level, MarketKey, Pair
from domain.routes import Route, routes_between
from domain.scope import Mode, Scope
from domain.sizing import Caps, Lot

SIM = Scope(Mode.SIM, "test")
BTC_USD = Pair.parse("BTC/USD")
NOW_NS = 1_760_000_000_000_000_000
MS = 1_000_000


@dataclass
class FixedClock:
    """A clock that stands still until it is moved."""

    at_ns: int = NOW_NS

    def now_ns(self) -> int:
        return self.at_ns

    def advance(self, ms: int) -> None:
        self.at_ns += ms * MS


@dataclass
class DictView:
    """The market as a dictionary; it also answers for the past."""

    books: dict[MarketKey, Book] = field(default_factory=dict)

    def put(self, *books: Book) -> None:
        for book in books:
            self.books[MarketKey(book.venue, book.pair)] = book

    def book(self, key: MarketKey) -> Book | None:
        return self.books.get(key)

    def book_at(self, key: MarketKey, at_ns: int) -> Book | None:
        return self.books.get(key)

    def routes(self, key: MarketKey) -> tuple[Route, ...]:
        return tuple(route for route in routes_between(self.books) if key in (route.buy.market, route.sell.market))


def book(
    venue: str, bid: str, ask: str, *, quantity: str = "1", pair: Pair = BTC_USD, at_ns: int = NOW_NS, seq: int = 1
) -> Book:
    """Return a book of one level a side."""
    return Book(
        venue,
        pair,
        (Level(Decimal(bid), Decimal(quantity)),),
        (Level(Decimal(ask), Decimal(quantity)),),
        at_ns,
        at_ns,
        seq,
    )


def detect_config(*, fee_bps: str = "10", max_usd: str = "1000", pair: Pair = BTC_USD) -> DetectConfig:
    """Return thresholds for the venues ``a`` and ``b``, whose fees are taken in quote."""
    fee = FeeSchedule(Decimal(fee_bps), Decimal(fee_bps))
    lot = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))
    return DetectConfig(
        min_net_bps=Decimal(0),
        max_age_ms=2000,
        max_skew_ms=1000,
        fees={"a": fee, "b": fee},
        lots={MarketKey("a", pair): lot, MarketKey("b", pair): lot},
        caps=Caps(Decimal(max_usd)),
        quote_usd={"USD": Decimal(1), "USDC": Decimal(1)},
    )


def no_model(features: FeatureVector) -> Abstained:
    """A scorer without a model."""
    return Abstained("no_model")
