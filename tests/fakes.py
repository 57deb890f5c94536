"""Fakes we own: a clock that is set, a view that is a dictionary, books and settings in one line each."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from arbsite.config.tree import Chain
from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.features import FeatureVector
from domain.gas import GasTerms
from domain.market import Asset, Book, Level, Market, MarketKey, Pair, PoolState
from domain.routes import Route, routes_between
from domain.scope import Mode, Scope
from domain.scores import Abstained
from domain.secret import Secret
from domain.terms import Caps, Lot

SIM = Scope(Mode.SIM, "test")
BTC_USD = Pair.parse("BTC/USD")
ETH_USDC = Pair.parse("ETH/USDC")
POOL_VENUE = "uniswap_v2"
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

    books: dict[MarketKey, Market] = field(default_factory=dict)

    def put(self, *books: Market) -> None:
        for book in books:
            self.books[MarketKey(book.venue, book.pair)] = book

    def book(self, key: MarketKey) -> Market | None:
        return self.books.get(key)

    def book_at(self, key: MarketKey, at_ns: int) -> Market | None:
        return self.books.get(key)

    def next_block(self, known: PoolState, after_ns: int) -> PoolState | None:
        latest = self.books[MarketKey(known.venue, known.pair)]
        return latest if isinstance(latest, PoolState) and latest.block > known.block else None

    def priced(self, asset: Asset) -> list[MarketKey]:
        return [key for key in self.books if key.pair.base == asset]

    def routes(self, key: MarketKey) -> tuple[Route, ...]:
        pools = {market.venue for market, state in self.books.items() if isinstance(state, PoolState)}
        found = routes_between(self.books, pools=pools)
        return tuple(route for route in found if key in (route.buy.market, route.sell.market))


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


def pool(
    *,
    price: str = "2000",
    base: int = 500,
    block: int = 20_000_000,
    gas_price_wei: int = 10**9,
    at_ns: int = NOW_NS,
    seq: int = 1,
) -> PoolState:
    """Return an ETH/USDC pool that holds so many ETH, at so many USDC each before its fee of 30 bps."""
    return PoolState(
        venue=POOL_VENUE,
        pair=ETH_USDC,
        chain_id=31337,
        address="0x" + "ab" * 20,
        base_reserve=base * 10**18,
        quote_reserve=int(Decimal(price) * base * 10**6),
        base_decimals=18,
        quote_decimals=6,
        fee_pips=3000,
        block=block,
        block_hash=f"0x{block:064x}",
        block_at_ns=at_ns,
        gas_price_wei=gas_price_wei,
        venue_at_ns=at_ns,
        seen_at_ns=at_ns,
        seq=seq,
    )


def pool_config(*, fee_bps: str = "10", max_usd: str = "100000") -> DetectConfig:
    """Return thresholds for the book ``a`` and the pool, whose swap takes 150,000 units of gas in ETH."""
    lot = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))
    fee = FeeSchedule(Decimal(fee_bps), Decimal(fee_bps))
    return DetectConfig(
        min_net_bps=Decimal(0),
        max_age_ms=2000,
        max_skew_ms=1000,
        fees={"a": fee, POOL_VENUE: FeeSchedule(Decimal(0), Decimal(0), source="inside the pool's price")},
        lots={MarketKey("a", ETH_USDC): lot, MarketKey(POOL_VENUE, ETH_USDC): lot},
        caps=Caps(Decimal(max_usd)),
        quote_usd={"USD": Decimal(1), "USDC": Decimal(1)},
        gas={POOL_VENUE: GasTerms(150_000, Asset("ETH"))},
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


def watch_chain(settings: Any, name: str, chain_id: int) -> None:
    """Let the settings watch one chain of the reviewed table, at a node that is not there."""
    watched = Chain(name, chain_id, (Secret("http://127.0.0.1:1"),), None, 1000, 60_000, 300, 10**9, None)
    settings.ARB = replace(settings.ARB, venues=replace(settings.ARB.venues, chains=(watched,)))


def no_model(features: FeatureVector) -> Abstained:
    """A scorer without a model."""
    return Abstained("no_model")
