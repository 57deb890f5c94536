"""Venues that are the doubles, and what they state, for commands that ask them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import redis
from django.conf import settings as django_settings

from domain.market import Pair
from domain.terms import Lot
from domain.timestamps import from_ns
from simulator.server import Urls
from tests.trading.services.stream.doubles import doubles_in_thread, settings_for
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.marketdata.keys import board_key
from trading.marketdata.price_cache import cache_key
from trading.services.reference import of_listings, record
from trading.venues.base import Listing

PAIRS = (Pair.parse("BTC/USD"), Pair.parse("ETH/USD"))
NOWHERE = "http://127.0.0.1:9"
LOT = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))


@contextmanager
def doubles_as_venues(settings) -> Iterator[Urls]:
    """Serve the doubles as our venues for the time of the block; what runs before left in Redis is gone."""
    with doubles_in_thread(PAIRS) as urls:
        settings.ARB = settings_for(urls, PAIRS, has_key=False)
        with redis.Redis.from_url(django_settings.ARB.redis_url) as server:
            server.delete(cache_key(django_settings.ARB.scope), board_key(django_settings.ARB.scope))
        yield urls


def state_markets(*venues: str) -> None:
    """Store what ``venues`` list."""
    for venue in venues:
        listings = [Listing(pair, LOT, pair.symbol) for pair in PAIRS]
        statements = of_listings(venue, listings, source=f"{venue} listings")
        record(statements, scope=django_settings.ARB.scope, now=from_ns(SYSTEM_CLOCK.now_ns()))


def away(settings, *venues: str) -> None:
    """Let nobody answer at the addresses of ``venues``."""
    arb = settings.ARB
    urls = {"kraken": {"rest_url": NOWHERE}, "alpaca": {"data_url": NOWHERE, "trading_url": NOWHERE}}
    gone = {venue: replace(getattr(arb.venues, venue), **urls[venue]) for venue in venues}
    settings.ARB = replace(arb, venues=replace(arb.venues, **gone))
