"""What a trade is sized by and what comes out: lots, caps, fees and gas on one side, the sized trade on the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from domain.costs import CostLine, FeeAsset, FeeSchedule
from domain.errors import BadInput
from domain.gas import GasDue
from domain.market import MarketKey
from domain.money import EXACT, ZERO
from domain.routes import Route

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Lot:
    """What a market accepts: steps and minima of quantity (base), of value (quote) and of price (quote per base)."""

    step: Decimal
    min_quantity: Decimal
    min_quote: Decimal
    tick: Decimal

    def __post_init__(self) -> None:
        if not (self.step.is_finite() and self.step > ZERO and self.tick.is_finite() and self.tick > ZERO):
            raise BadInput(f"a lot step of {self.step} and a tick of {self.tick} must both be positive")


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one trade may be worth."""

    max_usd: Decimal

    def __post_init__(self) -> None:
        if not (self.max_usd.is_finite() and self.max_usd > ZERO):
            raise BadInput(f"a trade limit of {self.max_usd} USD is not a positive amount")


class SizeConfig(Protocol):
    """What sizing goes by, whatever the route."""

    @property
    def fees(self) -> Mapping[str, FeeSchedule]:
        """Return what each venue charges."""

    @property
    def lots(self) -> Mapping[MarketKey, Lot]:
        """Return what each market accepts."""

    @property
    def caps(self) -> Caps:
        """Return the most that one trade may be worth."""

    @property
    def quote_usd(self) -> Mapping[str, Decimal]:
        """Return US dollars per unit of each quote, by its symbol."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A sized trade, exact. Dust that the lots leave over counts as nothing.

    ``gross_quote`` is the edge before costs: a fee taken in base is valued at the price just paid for that base. The
    worst price of a leg is its limit: on a book the last level taken, on a pool the average of the whole swap.
    """

    buy_quantity: Decimal
    sell_quantity: Decimal
    buy_quote: Decimal
    sell_quote: Decimal
    buy_worst: Decimal
    sell_worst: Decimal
    gross_quote: Decimal
    net_quote: Decimal
    costs: tuple[CostLine, ...]


class Rejected(NamedTuple):
    """Why a route was not taken, and how far it came; the edges where they were reckoned."""

    route: Route
    reason: str
    at_stage: str
    gross_bps: Decimal | None = None
    net_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """All that sizing one route depends on, beside its two markets."""

    buy_fee: FeeSchedule
    sell_fee: FeeSchedule
    buy_lot: Lot
    sell_lot: Lot
    usd_rate: Decimal  # US dollars per unit of quote
    max_quote: Decimal
    free_quote: Decimal | None  # at the buy venue; None where nothing limits it
    free_base: Decimal | None  # at the sell venue
    gas: GasDue | None = None

    @property
    def kept_share(self) -> Decimal:
        """Return which share of the base bought is left to sell."""
        in_base = self.buy_fee.charged_in is FeeAsset.RECEIVED
        return EXACT.subtract(_ONE, self.buy_fee.taker_share) if in_base else _ONE

    @property
    def paid_ratio(self) -> Decimal:
        """Return what a unit of quote spent costs with its fee."""
        in_base = self.buy_fee.charged_in is FeeAsset.RECEIVED
        return _ONE if in_base else EXACT.add(_ONE, self.buy_fee.taker_share)

    @property
    def received_ratio(self) -> Decimal:
        """Return what is left of a unit of quote received."""
        return EXACT.subtract(_ONE, self.sell_fee.taker_share)
