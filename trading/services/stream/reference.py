"""What the stream needs to know before the first book: which pairs each venue trades, in what lots, at what fees."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from domain.detection import DetectConfig
from domain.market import Clock, MarketKey, Pair
from domain.sizing import Caps, Lot
from trading.services.venues import fees_of
from trading.venues import registry
from trading.venues.base import AccountSource


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


def detect_config(lots: Mapping[MarketKey, Lot]) -> DetectConfig:
    """Return the thresholds, fees and lots that detection works by."""
    trading = settings.ARB.trading
    return DetectConfig(
        min_net_bps=trading.min_net_bps,
        max_age_ms=trading.max_book_age_ms,
        max_skew_ms=trading.max_skew_ms,
        fees={venue: fees_of(venue) for venue in {key.venue for key in lots}},
        lots=lots,
        caps=Caps(trading.max_trade_usd),
        quote_usd=trading.quote_usd,
    )
