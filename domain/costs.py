"""What a trade costs: fee schedules, the dated entry-tier table, and the lines a cost is shown as."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NamedTuple

from domain.errors import BadInput
from domain.market import Asset, Level, Side
from domain.money import BPS, EXACT, ZERO, quantize_up


class FeeAsset(StrEnum):
    """Which asset a venue takes its fee from."""

    QUOTE = "quote"
    RECEIVED = "received"  # a buy pays in base, a sale in quote


class CostKind(StrEnum):
    """What a cost is paid for."""

    FEE = "fee"
    GAS = "gas"
    TRANSFER = "transfer"
    CONVERSION = "conversion"


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """What a venue charges of each fill, in basis points; a negative maker fee is a rebate.

    Raises: BadInput.
    """

    maker_bps: Decimal
    taker_bps: Decimal
    charged_in: FeeAsset = FeeAsset.QUOTE
    source: str = ""

    def __post_init__(self) -> None:
        if not (self.taker_bps.is_finite() and ZERO <= self.taker_bps < BPS):
            raise BadInput(f"a taker fee of {self.taker_bps} bps is not between 0 and {BPS}")
        if not (self.maker_bps.is_finite() and abs(self.maker_bps) < BPS):
            raise BadInput(f"a maker fee of {self.maker_bps} bps is not between -{BPS} and {BPS}")

    @property
    def taker_share(self) -> Decimal:
        """Return the taker fee as a share of the fill."""
        return self.taker_bps.scaleb(-4, context=EXACT)


@dataclass(frozen=True, slots=True)
class CostLine:
    """One cost of a trade, in the asset it is paid in and in US dollars, each rounded up."""

    kind: CostKind
    asset: Asset
    amount: Decimal
    usd: Decimal
    source: str


class FeeDue(NamedTuple):
    """What one fill owes, in base or in quote."""

    asset_is_base: bool
    amount: Decimal


ENTRY_TIER: Mapping[str, FeeSchedule] = {
    "kraken": FeeSchedule(
        Decimal(25), Decimal(40), source="kraken.com/features/fee-schedule, spot, lowest tier, as of 2026-11"
    ),
    "alpaca": FeeSchedule(
        Decimal(15),
        Decimal(25),
        FeeAsset.RECEIVED,
        source="docs.alpaca.markets/docs/crypto-fees, tier 1, as of 2026-11",
    ),
    "binanceus": FeeSchedule(
        Decimal(25), Decimal(25), source="stated scenario for recorded data of 2023-03, not a published tier"
    ),
}


def entry_tier(venue: str) -> FeeSchedule:
    """Return what a new account pays on ``venue``. Raises: BadInput for a venue the table does not hold."""
    return schedule_of(ENTRY_TIER, venue)


def schedule_of(fees: Mapping[str, FeeSchedule], venue: str) -> FeeSchedule:
    """Return the schedule of ``venue``. Raises: BadInput where none is stated, for no fee is ever guessed."""
    try:
        return fees[venue]
    except KeyError:
        raise BadInput(f"no fees are known for venue {venue!r}: state them as {venue}=maker_bps/taker_bps") from None


def parse_fees(text: str) -> tuple[str, FeeSchedule]:
    """Return the venue and schedule that ``kraken=25/40`` states, maker first.

    A venue in the dated table keeps the asset its fee is taken from.
    Raises: BadInput.
    """
    venue, equals, rates = text.partition("=")
    maker, slash, taker = rates.partition("/")
    if not (venue and equals and slash):
        raise BadInput(f"{text!r} does not state fees: write them as kraken=25/40 (maker and taker, in bps)")
    known = ENTRY_TIER.get(venue)
    charged_in = known.charged_in if known else FeeAsset.QUOTE
    return venue, FeeSchedule(_bps(maker, text), _bps(taker, text), charged_in, source="stated on the command line")


def fee_on(schedule: FeeSchedule, *, side: Side, quantity: Decimal, quote: Decimal) -> FeeDue:
    """Return what a taker owes on one fill of ``quantity`` base for ``quote``, rounded up to 1e-18."""
    in_base = schedule.charged_in is FeeAsset.RECEIVED and side is Side.BUY
    charged = quantity if in_base else quote
    return FeeDue(in_base, quantize_up(EXACT.multiply(charged, schedule.taker_share)))


def fee_on_levels(schedule: FeeSchedule, *, side: Side, taken: Iterable[Level]) -> FeeDue:
    """Return what a taker owes on one fill for each level taken: the sum of the single fees, as a venue bills them."""
    in_base, share, total = schedule.charged_in is FeeAsset.RECEIVED and side is Side.BUY, schedule.taker_share, ZERO
    for price, quantity in taken:
        charged = quantity if in_base else EXACT.multiply(price, quantity)
        total = EXACT.add(total, quantize_up(EXACT.multiply(charged, share)))
    return FeeDue(in_base, total)


def _bps(text: str, given: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput(f"{text!r} in {given!r} is not a number of basis points") from None
