"""What a watch goes by: markets in their lots and fees; where venues or accounts state others, a new watch begins."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import structlog

from domain.costs import FeeSchedule
from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.services.reference.known import known_fees, known_reference
from trading.services.reference.terms import Reference, charged_at
from trading.services.stream.context import from_rows
from trading.services.stream.session import Session
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

READ_EVERY_S = 60.0


class WatchTerms(NamedTuple):
    """What a watch goes by: markets in their lots, and what accounts say they pay."""

    known: Reference
    account_fees: Mapping[str, FeeSchedule]


async def terms_now(before: WatchTerms, scope: Scope, *, clock: Clock, writer: Writer) -> WatchTerms:
    """Return the terms as the rows have them; of the markets known before those alone, and as before if no row says."""
    known = before.known

    def read() -> WatchTerms:
        stated = known_reference(scope).lots
        lots = {market: stated.get(market, lot) for market, lot in known.lots.items()}
        return WatchTerms(Reference(known.pairs, lots), known_fees(scope, now=from_ns(clock.now_ns())))

    return await from_rows(read, writer=writer) or before


async def watch_until_terms_change(
    session: Session, terms: WatchTerms, scope: Scope, *, clock: Clock, writer: Writer
) -> WatchTerms:
    """Watch until cancelled, or until the terms are others; return those."""
    work = asyncio.ensure_future(session.run())
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=READ_EVERY_S)
            if work.done():
                break
            latest = await terms_now(terms, scope, clock=clock, writer=writer)
            if _in_figures(latest) != _in_figures(terms):
                log.warning("terms_changed", scope=str(scope))
                return latest
    finally:
        work.cancel()
        await asyncio.wait({work})  # its last page is handed over meanwhile
    work.result()
    return terms


def _in_figures(terms: WatchTerms) -> tuple[object, ...]:
    """Return what decisions reckon with, whoever states it."""
    charged = {venue: charged_at(venue, terms.account_fees) for venue in terms.known.pairs}
    return terms.known, {venue: (one.maker_bps, one.taker_bps, one.charged_in) for venue, one in charged.items()}
