"""The stream process: watching the markets until it is stopped, executions handed to the workers."""

import asyncio
import signal
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog
from django.conf import settings

from domain.costs import FeeSchedule
from domain.errors import ArbError
from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.dispatch import OutboxDispatch
from trading.services.reference.known import known_fees, known_reference
from trading.services.reference.refresh import record_listings
from trading.services.reference.terms import Reference, account_sources
from trading.services.stream.context import from_rows
from trading.services.stream.listings import in_thread, reference_of
from trading.services.stream.session import Plan, Session, open_session, redis_client
from trading.services.stream.watch_lock import hold_watch, take_watch
from trading.services.writer import Writer
from trading.venues.base import Listing

log = structlog.get_logger(__name__)

PROCESS = "stream"
TERMS_READ_EVERY_S = 60.0


def run(scope: Scope, *, clock: Clock) -> None:
    """Stream until SIGINT or SIGTERM, then finish what is queued.

    Raises: BadInput; Refused if another process watches the markets for this scope; Unreachable.
    """
    writer = Writer()
    writer.start()
    try:
        asyncio.run(until_stopped(_stream(scope, clock=clock, writer=writer)))
    finally:
        writer.stop()


async def _stream(scope: Scope, *, clock: Clock, writer: Writer) -> None:
    """Watch the markets; where venues or accounts state other terms, begin anew with those."""
    watch = await take_watch(scope)
    sources = await in_thread(lambda: account_sources(clock=clock))
    note = partial(_note_listings, scope=scope, clock=clock, writer=writer)
    terms = Terms(await reference_of(sources, settings.ARB.pairs, note=note), {})
    async with redis_client() as client, asyncio.TaskGroup() as group:
        group.create_task(hold_watch(scope, watch))
        while True:
            terms = await _terms_now(terms, scope, clock=clock, writer=writer)
            session = open_session(_plan(terms, scope, clock=clock, writer=writer), terms.known, client)
            terms = await _watch(session, terms, scope, clock=clock, writer=writer)


class Terms(NamedTuple):
    """What a watch goes by: markets in their lots, and what accounts say they pay."""

    known: Reference
    account_fees: Mapping[str, FeeSchedule]


def _plan(terms: Terms, scope: Scope, *, clock: Clock, writer: Writer) -> Plan:
    records, dispatch = settings.ARB.trading.records, OutboxDispatch(scope)
    return Plan(PROCESS, scope, clock, writer, dispatch, records=records, account_fees=terms.account_fees)


def _note_listings(venue: str, listings: Sequence[Listing], *, scope: Scope, clock: Clock, writer: Writer) -> None:
    writer.submit("listings", partial(record_listings, {venue: listings}, scope=scope, clock=clock))


async def _terms_now(before: Terms, scope: Scope, *, clock: Clock, writer: Writer) -> Terms:
    """Return the terms as the rows have them; of the markets known before those alone, and as before if no row says."""
    known = before.known

    def read() -> Terms:
        stated = known_reference(scope).lots
        lots = {market: stated.get(market, lot) for market, lot in known.lots.items()}
        return Terms(Reference(known.pairs, lots), known_fees(scope, now=from_ns(clock.now_ns())))

    return await from_rows(read, writer=writer) or before


async def _watch(session: Session, terms: Terms, scope: Scope, *, clock: Clock, writer: Writer) -> Terms:
    """Watch until cancelled, or until the terms are others; return those."""
    work = asyncio.ensure_future(session.run())
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=TERMS_READ_EVERY_S)
            latest = await _terms_now(terms, scope, clock=clock, writer=writer)
            if latest != terms:
                log.warning("terms_changed", scope=str(scope))
                return latest
    finally:
        work.cancel()
        await asyncio.wait({work})  # its last page is handed over meanwhile
    work.result()
    return terms


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it ends or a person stops it. Raises: what the work raises, one of our own errors by itself."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stream_stopped")
    except BaseExceptionGroup as group:
        raise _first_of_ours(group) or group from None


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> ArbError | None:
    for error in group.exceptions:
        found = _first_of_ours(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, ArbError):
            return found
    return None
