"""What is known of the venues without asking them: configuration, stated markets, what decisions reckon as fees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.costs import FeeSchedule
from domain.market import Clock
from domain.money import plain
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.models import FactKind, ReferenceFact
from trading.services.reference.known import fees_now
from trading.services.reference.statements import market_of
from trading.services.reference.store import IN_FORCE
from trading.venues import roster
from trading.venues.identity import PoolKind


@dataclass(frozen=True, slots=True)
class KnownVenue:
    """One venue as configured; ``problem`` says why it is not watched."""

    venue: str
    served_by: str
    origin: str  # whose prices it shows: venues of one origin are not independent
    keys: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StatedMarket:
    """One market as its venue stated it last; numbers are exact texts."""

    venue: str
    symbol: str
    stated: Mapping[str, str]
    version: int
    source: str
    valid_from: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class ShownPool:
    """A pool whose price is shown and not traded."""

    venue: str
    chain: str
    symbol: str
    address: str
    fee_pips: int


@dataclass(frozen=True, slots=True)
class Charge:
    """What decisions reckon a venue's fees as, and by whose word."""

    venue: str
    maker_bps: str
    taker_bps: str
    charged_in: str
    source: str


def venues_known(venues: Any) -> list[KnownVenue]:
    """Return every venue and chain, watched or not, pools beneath their chain."""
    pools, origins = roster.pool_venues(venues), roster.origins(venues)
    found = [
        KnownVenue(venue, f"{adapter} adapter", origins[venue], _keys(venues, adapter))
        for venue, adapter in roster.adapters(venues).items()
        if venue not in pools
    ]
    for chain in venues.chains:
        problem = "" if chain.is_watched else not_watched(chain.name)
        nodes = f"{len(chain.rpc_urls)} node{'' if len(chain.rpc_urls) == 1 else 's'}, chain {chain.chain_id}"
        found.append(KnownVenue(chain.name, nodes, "", (), problem))
        found += [
            KnownVenue(pool.venue, f"pools on {chain.name}", origins[pool.venue], ())
            for pool in pools.values()
            if pool.chain == chain.name
        ]
    return found


def stated_markets(scope: Scope) -> list[StatedMarket]:
    """Return every market in force, as stated last."""
    facts = ReferenceFact.objects.in_scope(scope).filter(kind=FactKind.MARKET, **IN_FORCE).order_by("subject")
    return [_market(fact) for fact in facts]


def charges(scope: Scope, *, clock: Clock) -> list[Charge]:
    """Return what every venue charges: by the settings, its account, or a dated table."""
    return [_charge(venue, fees) for venue, fees in fees_now(scope, now=from_ns(clock.now_ns())).items()]


def concentrated_pools(venues: Any) -> list[ShownPool]:
    """Return the concentrated pools of watched chains: ``prices`` shows them, and no route trades them yet."""
    return [
        ShownPool(pool.venue, chain.name, pool.pair.symbol, pool.address, pool.fee_pips)
        for chain, table in roster.tables(venues)
        for pool in table.pools_of(PoolKind.V3)
    ]


def not_watched(chain: str) -> str:
    """Return what a person does to have a chain watched."""
    return f"not watched: set ARB_{chain.upper()}_RPC_URLS or ALCHEMY_API_KEY"


def _keys(venues: Any, adapter: str) -> tuple[str, ...]:
    account = getattr(venues, adapter)
    return tuple(name for name in ("trade", "read", "data") if getattr(account, name, None) is not None)


def _market(fact: ReferenceFact) -> StatedMarket:
    venue, pair = market_of(fact.subject)
    return StatedMarket(venue, pair.symbol, fact.stated, fact.version, fact.source, fact.valid_from, fact.confirmed_at)


def _charge(venue: str, fees: FeeSchedule) -> Charge:
    return Charge(venue, plain(fees.maker_bps), plain(fees.taker_bps), fees.charged_in.value, fees.source)
