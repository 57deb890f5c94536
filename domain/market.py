"""What is traded and what is quoted: assets, pairs, levels, books and pools."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

from domain.errors import BadInput
from domain.pool_levels import Reserves, ask_slices, bid_slices, marginal_ask, marginal_bid


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency or token; on a chain it is its address, never its symbol."""

    symbol: str
    chain_id: int | None = None
    address: str | None = None
    decimals: int | None = None

    def __str__(self) -> str:
        return self.symbol


@dataclass(frozen=True, slots=True)
class Pair:
    """An ordered pair of assets: prices are in ``quote`` per ``base``."""

    base: Asset
    quote: Asset
    symbol: str = field(init=False, repr=False, compare=False)  # the pair as BTC/USD
    _hash: int = field(init=False, repr=False, compare=False)  # every look at a market hashes its pair

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbol", f"{self.base}/{self.quote}")
        object.__setattr__(self, "_hash", hash((self.base, self.quote)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type["Pair"], tuple[Asset, Asset]]:
        return Pair, (self.base, self.quote)  # a hash holds in its own process alone

    @classmethod
    def parse(cls, symbol: str) -> "Pair":
        """Return the pair that ``BTC/USD`` names. Raises: BadInput."""
        base, slash, quote = symbol.partition("/")
        if not (base and slash and quote) or "/" in quote:
            raise BadInput(f"{symbol!r} is not a pair: write it as BTC/USD")
        return cls(Asset(base), Asset(quote))

    def __str__(self) -> str:
        return self.symbol


class Side(StrEnum):
    """What we do with the base asset."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """Return the side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Level(NamedTuple):
    """One price level: quote per base, and base."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """An order book at one instant, best level first on either side.

    Units: prices in quote per base, quantities in base, instants in ns since the epoch (UTC).
    """

    venue: str
    pair: Pair
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_at_ns: int
    seen_at_ns: int
    seq: int

    @property
    def best_bid(self) -> Decimal:
        """Return the price of the first unit sold."""
        return self.bids[0].price

    @property
    def best_ask(self) -> Decimal:
        """Return the price of the first unit bought."""
        return self.asks[0].price


@dataclass(frozen=True, slots=True)
class PoolState:
    """A constant-product pool at one block, seen as a market of ``pair``.

    Reserves are in the tokens' base units. ``venue_at_ns`` is the last instant for which the node called this block its
    head, ``block_at_ns`` the block's own timestamp. ``gas_price_wei`` is what a transaction in the next block pays per
    unit of gas: the base fee that this block makes due, and our tip.

    It reads as an order book does, by slices that are reckoned when they are first asked for; what is traded is
    reckoned by ``domain.amm``.
    """

    venue: str
    pair: Pair
    chain_id: int
    address: str
    base_reserve: int
    quote_reserve: int
    base_decimals: int
    quote_decimals: int
    fee_pips: int  # millionths of what goes in
    block: int
    block_hash: str
    block_at_ns: int
    gas_price_wei: int
    venue_at_ns: int
    seen_at_ns: int
    seq: int
    _bids: tuple[Level, ...] | None = field(default=None, init=False, repr=False, compare=False)
    _asks: tuple[Level, ...] | None = field(default=None, init=False, repr=False, compare=False)
    _best: tuple[Decimal, Decimal] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def bids(self) -> tuple[Level, ...]:
        """Return what further slices bring, over the next 100 bps of price, after the pool's fee."""
        found = self._bids
        if found is None:
            found = tuple(Level(*cut) for cut in bid_slices(self._reserves()))
            object.__setattr__(self, "_bids", found)
        return found

    @property
    def asks(self) -> tuple[Level, ...]:
        """Return what further slices cost, over the next 100 bps of price, with the pool's fee."""
        found = self._asks
        if found is None:
            found = tuple(Level(*cut) for cut in ask_slices(self._reserves()))
            object.__setattr__(self, "_asks", found)
        return found

    @property
    def best_bid(self) -> Decimal:
        """Return the price of the first unit sold after the pool's fee: no sale brings more."""
        return self._best_prices()[0]

    @property
    def best_ask(self) -> Decimal:
        """Return the price of the first unit bought with the pool's fee: no purchase costs less."""
        return self._best_prices()[1]

    def _best_prices(self) -> tuple[Decimal, Decimal]:
        best = self._best
        if best is None:
            reserves = self._reserves()
            best = marginal_bid(reserves), marginal_ask(reserves)
            object.__setattr__(self, "_best", best)
        return best

    def _reserves(self) -> Reserves:
        decimals = self.base_decimals, self.quote_decimals
        return Reserves(self.base_reserve, self.quote_reserve, *decimals, self.fee_pips)


Market: TypeAlias = Book | PoolState


class MarketKey(NamedTuple):
    """Names one market: a pair on a venue."""

    venue: str
    pair: Pair


class Clock(Protocol):
    """Where now comes from: the machine, or a replay."""

    def now_ns(self) -> int:
        """Return ns since the epoch (UTC)."""
