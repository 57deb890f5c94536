"""Statements: listings and fees as named texts, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.costs import FeeAsset, FeeSchedule
from domain.market import MarketKey, Pair
from domain.money import plain
from domain.terms import Lot
from trading.models import FactKind
from trading.venues.base import Listing

OF_ACCOUNT = "account"  # how the source of a statement begins that an account made of itself
TEXT = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What one source states of one subject; numbers are texts, so that no digit is lost."""

    kind: FactKind
    subject: str
    stated: Mapping[str, str]
    source: str


def of_listings(venue: str, listings: Iterable[Listing], *, source: str) -> list[Statement]:
    """Return what a venue states of its pairs."""
    return [Statement(FactKind.MARKET, subject_of(venue, one.pair), _terms(one), source) for one in listings]


def of_account(venue: str, fees: FeeSchedule) -> Statement:
    """Return what is charged at a venue: as its account says, or a dated table."""
    stated = {
        "maker_bps": plain(fees.maker_bps),
        "taker_bps": plain(fees.taker_bps),
        "charged_in": fees.charged_in.value,
    }
    return Statement(FactKind.FEES, venue, stated, fees.source)


def subject_of(venue: str, pair: Pair) -> str:
    """Return what stands for a market."""
    return f"{venue}:{pair.symbol}"


def market_of(subject: str) -> MarketKey:
    """Return the market that a subject names. Raises: BadInput."""
    venue, _, symbol = subject.partition(":")
    return MarketKey(venue, Pair.parse(symbol))


def lot_of(stated: Mapping[str, str]) -> Lot:
    """Return the lot that was stated of a market."""
    return Lot(*(Decimal(stated[name]) for name in ("step", "min_quantity", "min_quote", "tick")))


def fees_of_statement(stated: Mapping[str, str], source: str) -> FeeSchedule:
    """Return the fees that were stated of a venue."""
    return FeeSchedule(
        Decimal(stated["maker_bps"]), Decimal(stated["taker_bps"]), FeeAsset(stated["charged_in"]), source=source
    )


def _terms(one: Listing) -> dict[str, str]:
    lot = one.lot
    return {
        "step": plain(lot.step),
        "min_quantity": plain(lot.min_quantity),
        "min_quote": plain(lot.min_quote),
        "tick": plain(lot.tick),
        "venue_symbol": one.venue_symbol,
        "is_tradable": TEXT[one.is_tradable],
    }
