"""Which venues orders of a scope go to, at what fees and gas, with what balances."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from django.conf import settings

from domain.costs import FeeSchedule, entry_tier
from domain.errors import Refused
from domain.gas import GasTerms
from domain.market import Clock
from domain.money import ZERO
from domain.scope import Mode, Scope
from trading.models import Balance
from trading.services.observing import StoredBooks
from trading.venues import roster
from trading.venues.base import TradingVenue
from trading.venues.identity import MAINNETS, PoolKind
from trading.venues.paper import PaperVenue

SWAP_GAS_UNITS = 150_000  # by Router02 over one pool: 87,000 to 132,000, where the receiver is new to the token
POOL_FEES = FeeSchedule(ZERO, ZERO, source="inside the pool's price; its gas is not")
REVIEWED_POOLS = {pool.venue for table in MAINNETS.values() for pool in table.pools_of(PoolKind.V2)}


def trading_venues(
    scope: Scope,
    *,
    clock: Clock,
    fees: Mapping[str, FeeSchedule] | None = None,
    gas: Mapping[str, GasTerms] | None = None,
) -> Mapping[str, TradingVenue]:
    """Return the venues that orders of ``scope`` go to: paper ones, at the configured fees and gas or those given.

    Raises: Refused in live, whose adapters do not exist yet.
    """
    if scope.mode is Mode.LIVE:
        raise Refused("live: no venue adapter places real orders in this version")
    taken = gas_terms() if gas is None else gas
    charged = fees if fees is not None else {venue: fees_of(venue) for venue in roster.adapters(settings.ARB.venues)}
    books = StoredBooks(clock)
    return {
        venue: PaperVenue(
            venue, books, schedule, balances=partial(balances, scope, venue), clock=clock, gas=taken.get(venue)
        )
        for venue, schedule in charged.items()
    }


def gas_terms() -> Mapping[str, GasTerms]:
    """Return what a swap takes on every venue of pools that a watched chain has."""
    pools = roster.pool_venues(settings.ARB.venues)
    return {venue: GasTerms(SWAP_GAS_UNITS, pool.native) for venue, pool in pools.items()}


def fees_of(venue: str) -> FeeSchedule:
    """Return what a venue charges: as the settings state it, or its adapter, else the adapter's dated entry tier.

    A pool takes its fee out of what is swapped, so nothing is charged beside its price.
    Raises: BadInput.
    """
    if venue in REVIEWED_POOLS or venue in roster.pool_venues(settings.ARB.venues):
        return POOL_FEES
    adapter = roster.adapters(settings.ARB.venues).get(venue, venue)
    fees = settings.ARB.trading.fees
    stated = fees.get(venue) or fees.get(adapter)
    if stated is None:
        return entry_tier(adapter)
    return FeeSchedule(stated.maker_bps, stated.taker_bps, entry_tier(adapter).charged_in, source="ARB_FEES")


def balances(scope: Scope, venue: str) -> Mapping[str, Decimal]:
    """Return what the ledger of ``scope`` says we hold at a venue."""
    return dict(Balance.objects.in_scope(scope).filter(venue=venue).values_list("asset", "amount"))
