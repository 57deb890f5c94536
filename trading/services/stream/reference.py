"""What the stream needs to know before the first book: which pairs each venue trades, in what lots, at what fees."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings

from domain.detection import DetectConfig
from domain.errors import BadInput, Refused, Unreachable
from domain.market import Clock, MarketKey, Pair
from domain.sizing import Caps, Lot
from trading.services.venues import fees_of
from trading.venues import registry
from trading.venues.base import AccountSource

log = structlog.get_logger(__name__)

ASK_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Reference:
    """The pairs to watch at each venue and the lots they trade in."""

    pairs: Mapping[str, tuple[Pair, ...]]
    lots: Mapping[MarketKey, Lot]


def reference(sources: Mapping[str, AccountSource], pairs: Sequence[Pair]) -> Reference:
    """Return what each venue lists of the wanted pairs; a venue that refuses is left out, and that is logged.

    Raises: BadInput if nothing is left to watch; Unreachable.
    """
    listed: dict[str, tuple[Pair, ...]] = {}
    lots: dict[MarketKey, Lot] = {}
    for venue, source in sources.items():
        try:
            found = {listing.pair: listing.lot for listing in source.listings() if listing.is_tradable}
        except Refused as error:
            log.error("venue_left_out", venue=venue, error=str(error))
            continue
        listed[venue] = tuple(pair for pair in pairs if pair in found)
        lots |= {MarketKey(venue, pair): found[pair] for pair in listed[venue]}
        if missing := [pair.symbol for pair in pairs if pair not in found]:
            log.info("pairs_not_listed", venue=venue, pairs=missing)
    if not any(listed.values()):
        raise BadInput("no venue lists any of the pairs in ARB_PAIRS")
    return Reference(listed, lots)


async def reference_in_time(
    sources: Callable[[], Mapping[str, AccountSource]], pairs: Sequence[Pair], *, ask_again_s: float = ASK_AGAIN_S
) -> Reference:
    """Return what the venues list, asked for until all of them answer: an outage at the start is one like any other."""
    while True:
        try:
            return await asyncio.to_thread(lambda: reference(sources(), pairs))
        except Unreachable as error:
            log.warning("listings_not_read", error=str(error))
            await asyncio.sleep(ask_again_s)


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
