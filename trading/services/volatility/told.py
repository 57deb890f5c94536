"""What venues tell of their minutes and days, asked of all of them at once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

import structlog

from domain.errors import ArbError
from domain.market import Pair
from domain.scope import Scope
from trading.services.volatility.bars import record_told
from trading.services.volatility.keeper import WEEK, Keeper, Named
from trading.venues.bars import MINUTE_S, BarSource, Told

log = structlog.get_logger(__name__)


def ask_minutes(
    scope: Scope, markets: list[Named], keeper: Keeper, sources: Mapping[str, BarSource], minute: int
) -> int:
    """Write what venues tell of the minutes since they last told, and return how many minutes that changed."""
    since_s: dict[str, dict[Pair, int]] = defaultdict(dict)
    for named in markets:
        if named.venue in sources:
            told = keeper.market(named).told_until
            since_s[named.venue][Pair.parse(named.symbol)] = MINUTE_S * (minute - WEEK if told is None else told)
    changed = 0
    for venue, found in asyncio.run(_read(sources, since_s, (minute + 1) * MINUTE_S)).items():
        for pair, bars in found.items():
            if isinstance(bars, ArbError):
                log.warning("bars_not_told", venue=venue, symbol=pair.symbol, reason=str(bars))
            else:
                changed += record_told(scope, venue, pair.symbol, bars)
    return changed


def day_volumes(markets: list[Named], keeper: Keeper, sources: Mapping[str, BarSource]) -> dict[Named, Decimal]:
    """Return the last day's volumes: of our bars where they cover it, else as the venue states them."""
    known = {named: volume for named in markets if (volume := keeper.market(named).volume()) is not None}
    lacking: dict[str, list[Pair]] = defaultdict(list)
    for named in markets:
        if named not in known and named.venue in sources:
            lacking[named.venue].append(Pair.parse(named.symbol))
    for venue, told in asyncio.run(_ask_volumes(sources, lacking)).items():
        known |= {Named(venue, pair.symbol): volume for pair, volume in told.items()}
    return known


async def _read(
    sources: Mapping[str, BarSource], since_s: Mapping[str, Mapping[Pair, int]], until_s: int
) -> dict[str, dict[Pair, Told]]:
    found = await asyncio.gather(*(sources[venue].read(asked, until_s=until_s) for venue, asked in since_s.items()))
    return dict(zip(since_s, found, strict=True))


async def _ask_volumes(
    sources: Mapping[str, BarSource], lacking: Mapping[str, list[Pair]]
) -> dict[str, dict[Pair, Decimal]]:
    found = await asyncio.gather(*(sources[venue].day_volumes(pairs) for venue, pairs in lacking.items()))
    return dict(zip(lacking, found, strict=True))
