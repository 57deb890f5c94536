"""What decisions go by: which pairs each venue trades, in what lots, at what fees and gas."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.features import Contexts
from domain.market import Clock, MarketKey, Pair
from domain.terms import Caps, Lot
from trading.services.venues import fees_of, gas_terms
from trading.venues import registry
from trading.venues.base import AccountSource

STATED_IN_SETTINGS = "ARB_FEES"


@dataclass(frozen=True, slots=True)
class Reference:
    """The pairs to watch at each venue and the lots they trade in."""

    pairs: Mapping[str, tuple[Pair, ...]]
    lots: Mapping[MarketKey, Lot]

    @classmethod
    def of(cls, listed: Mapping[str, Mapping[Pair, Lot]]) -> "Reference":
        """Return what venues list as one; a venue that lists nothing is left out."""
        lots = {MarketKey(venue, pair): lot for venue, pairs in listed.items() for pair, lot in pairs.items()}
        return cls({venue: tuple(pairs) for venue, pairs in listed.items() if pairs}, lots)


def account_sources(*, clock: Clock) -> dict[str, AccountSource]:
    """Return where listings are read, by venue."""
    return registry.account_sources(settings.ARB.venues, settings.ARB.pairs, clock=clock)


def detect_config(
    lots: Mapping[MarketKey, Lot],
    *,
    account_fees: Mapping[str, FeeSchedule] | None = None,
    context: Contexts | None = None,
) -> DetectConfig:
    """Return the thresholds, fees and lots that detection works by.

    Fees are those that the settings state, else those that accounts say they pay, else the dated table's.
    """
    trading = settings.ARB.trading
    return DetectConfig(
        min_net_bps=trading.min_net_bps,
        max_age_ms=trading.max_book_age_ms,
        max_skew_ms=trading.max_skew_ms,
        fees={venue: charged_at(venue, account_fees or {}) for venue in {key.venue for key in lots}},
        lots=lots,
        caps=Caps(trading.max_trade_usd),
        quote_usd=trading.quote_usd,
        context={} if context is None else context,
        gas=gas_terms(),
        near_miss_bps=trading.near_miss_bps,
        exploration_share=trading.exploration_share,
    )


def charged_at(venue: str, account_fees: Mapping[str, FeeSchedule]) -> FeeSchedule:
    """Return what decisions reckon with at a venue. Raises: BadInput."""
    stated = fees_of(venue)
    return stated if stated.source == STATED_IN_SETTINGS else account_fees.get(venue, stated)
