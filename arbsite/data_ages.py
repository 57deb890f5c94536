"""How old the data of each venue is: its newest cached book, and how much of the last day was recorded."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from arbsite.redis_client import hasty_client
from domain.errors import ArbError, Unreachable
from domain.scope import Scope
from domain.timestamps import to_ns
from trading.marketdata.price_cache import cache_key
from trading.marketdata.venue_board import VenueBoard
from trading.marketdata.venue_lines import VenueLine
from trading.services.recording.coverage import VenueCoverage, coverage

_PATIENCE_S = 0.5  # the page must open whatever Redis does
_MOST_BOOKS = 300
_SEEN = re.compile(rb'"seen_at_ns":(\d+)')
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class VenueData:
    """One venue: how its feed is and how old its newest book; None where nobody tells."""

    venue: str
    age_ms: int | None
    line: VenueLine | None
    recorded: VenueCoverage | None


def data_of(scope: Scope, now: datetime) -> tuple[list[VenueData], str]:
    """Return every venue that is heard of, and what could not be learnt, in words."""
    silences = []
    try:
        recorded = {one.venue: one for one in coverage(scope, now - _DAY, now)}
    except ArbError as error:
        recorded, silences = {}, [f"The recordings cannot be read: {error}."]
    try:
        lines, ages = _told(scope, now)
    except Unreachable as error:
        lines, ages, silences = {}, {}, [*silences, f"Feeds are not told of: {error}."]
    venues = sorted({*recorded, *lines, *ages})
    return [VenueData(one, ages.get(one), lines.get(one), recorded.get(one)) for one in venues], " ".join(silences)


def _told(scope: Scope, now: datetime) -> tuple[dict[str, VenueLine], dict[str, int]]:
    with hasty_client(settings.ARB.redis_url, _PATIENCE_S) as client:
        board = VenueBoard(client, scope, partitions=settings.ARB.partition.count)
        return {line.venue: line for line in board.lines()}, cached_ages_ms(client, scope, now)


def cached_ages_ms(client: Any, scope: Scope, now: datetime) -> dict[str, int]:
    """Return the age of each venue's newest book among those cached, of many a sample. Raises: Unreachable."""
    try:
        cached = client.hrandfield(cache_key(scope), _MOST_BOOKS, withvalues=True) or []
    except (RedisError, OSError) as error:
        raise Unreachable(f"the price cache does not answer: {type(error).__name__}") from error
    ages: dict[str, int] = {}
    for field, book in zip(cached[::2], cached[1::2], strict=True):
        seen = _SEEN.search(book)
        if seen:
            venue = field.decode().partition("|")[0]
            age_ms = max(0, to_ns(now) - int(seen[1])) // 1_000_000  # it may have come while this was asked
            ages[venue] = min(ages.get(venue, age_ms), age_ms)
    return ages
