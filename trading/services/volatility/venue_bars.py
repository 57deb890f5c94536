"""What venues tell of their minutes and days, asked of all venues at once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

import structlog

from domain.errors import ArbError
from domain.market import Pair
from domain.scope import Scope
from trading.services.volatility.bars import record_venue_bars
from trading.services.volatility.minute_cache import WEEK, MarketName, MinuteCache
from trading.venues.bars import MINUTE_S, BarsOrError, BarSource

log = structlog.get_logger(__name__)


def fetch_bars(
    scope: Scope, markets: list[MarketName], cache: MinuteCache, sources: Mapping[str, BarSource], minute: int
) -> int:
    """Write what venues tell of the minutes since those known, and return how many minutes that changed."""
    since_s: dict[str, dict[Pair, int]] = defaultdict(dict)
    for name in markets:
        if name.venue in sources:
            known = cache.market(name).volume_until
            since_s[name.venue][Pair.parse(name.symbol)] = MINUTE_S * (minute - WEEK if known is None else known)
    changed = 0
    for venue, found in asyncio.run(_read(sources, since_s, (minute + 1) * MINUTE_S)).items():
        for pair, bars in found.items():
            if isinstance(bars, ArbError):
                log.warning("bars_not_told", venue=venue, symbol=pair.symbol, reason=str(bars))
            else:
                changed += record_venue_bars(scope, venue, pair.symbol, bars)
    return changed


def day_volumes(
    markets: list[MarketName], cache: MinuteCache, sources: Mapping[str, BarSource]
) -> dict[MarketName, Decimal]:
    """Return the last day's volumes: of our bars where they cover it, else as the venue states them."""
    known = {name: volume for name in markets if (volume := cache.market(name).volume()) is not None}
    lacking: dict[str, list[Pair]] = defaultdict(list)
    for name in markets:
        if name not in known and name.venue in sources:
            lacking[name.venue].append(Pair.parse(name.symbol))
    for venue, told in asyncio.run(_ask_volumes(sources, lacking)).items():
        known |= {MarketName(venue, pair.symbol): volume for pair, volume in told.items()}
    return known


async def _read(
    sources: Mapping[str, BarSource], since_s: Mapping[str, Mapping[Pair, int]], until_s: int
) -> dict[str, dict[Pair, BarsOrError]]:
    found = await asyncio.gather(*(sources[venue].read(asked, until_s=until_s) for venue, asked in since_s.items()))
    return dict(zip(since_s, found, strict=True))


async def _ask_volumes(
    sources: Mapping[str, BarSource], lacking: Mapping[str, list[Pair]]
) -> dict[str, dict[Pair, Decimal]]:
    found = await asyncio.gather(*(sources[venue].day_volumes(pairs) for venue, pairs in lacking.items()))
    return dict(zip(lacking, found, strict=True))
