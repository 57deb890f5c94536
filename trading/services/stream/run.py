"""The stream process: watching the markets until it is stopped, executions handed to the workers."""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from django.conf import settings

from domain.errors import ArbError
from domain.market import Clock
from domain.scope import Scope
from trading.dispatch import OutboxDispatch
from trading.services.reference.refresh import record_listings
from trading.services.reference.terms import account_sources
from trading.services.stream.listings import in_thread, reference_of
from trading.services.stream.session import Plan, open_session, redis_client
from trading.services.stream.terms import WatchTerms, terms_now, watch_until_terms_change
from trading.services.stream.watch_lock import hold_watch, take_watch
from trading.services.writer import Writer
from trading.venues.base import Listing

log = structlog.get_logger(__name__)

PROCESS = "stream"


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
    terms = WatchTerms(await reference_of(sources, settings.ARB.pairs, note=note), {})
    async with redis_client() as client, asyncio.TaskGroup() as group:
        group.create_task(hold_watch(scope, watch))
        while True:
            terms = await terms_now(terms, scope, clock=clock, writer=writer)
            session = open_session(_plan(terms, scope, clock=clock, writer=writer), terms.known, client)
            terms = await watch_until_terms_change(session, terms, scope, clock=clock, writer=writer)


def _plan(terms: WatchTerms, scope: Scope, *, clock: Clock, writer: Writer) -> Plan:
    records, dispatch = settings.ARB.trading.records, OutboxDispatch(scope)
    return Plan(PROCESS, scope, clock, writer, dispatch, records=records, account_fees=terms.account_fees)


def _note_listings(venue: str, listings: Sequence[Listing], *, scope: Scope, clock: Clock, writer: Writer) -> None:
    writer.submit("listings", partial(record_listings, {venue: listings}, scope=scope, clock=clock))


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
