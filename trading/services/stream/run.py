"""The stream process: watching its share of the markets until it is stopped, executions handed to the workers."""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from django.conf import settings

from domain.errors import ArbError
from domain.market import Clock
from domain.partition import Share
from domain.scope import Scope
from trading.async_redis import async_client
from trading.daemon_threads import DaemonExecutor
from trading.dispatch import OutboxDispatch
from trading.services.partitions import share_now, watched_pairs
from trading.services.reference.refresh import record_listings
from trading.services.reference.terms import account_sources
from trading.services.stream.listings import in_thread, reference_of
from trading.services.stream.session import Plan, open_session
from trading.services.stream.terms import WatchTerms, terms_now, watch_until_terms_change
from trading.services.stream.watch_lock import hold_watch, take_watch
from trading.services.writer import Writer
from trading.venues.base import Listing

log = structlog.get_logger(__name__)

PROCESS = "stream"


def run(scope: Scope, *, clock: Clock) -> None:
    """Stream until SIGINT or SIGTERM, then finish what is queued.

    Raises: BadInput; Refused if another process watches these markets for this scope; Unreachable.
    """
    writer, share = Writer(), share_now()
    writer.start()
    try:
        asyncio.run(until_stopped(_stream(scope, share, clock=clock, writer=writer)))
    finally:
        writer.stop()


async def _stream(scope: Scope, share: Share, *, clock: Clock, writer: Writer) -> None:
    """Watch the markets; where venues or accounts state other terms, begin anew with those."""
    watch = await take_watch(scope, share)
    sources = await in_thread(lambda: account_sources(clock=clock))
    note = partial(_note_listings, share=share, scope=scope, clock=clock, writer=writer)
    terms = WatchTerms(await reference_of(sources, watched_pairs(share), note=note, of=str(share)), {})
    async with async_client(settings.ARB.redis_url) as client, asyncio.TaskGroup() as group:
        group.create_task(hold_watch(scope, watch, share))
        while True:
            terms = await terms_now(terms, scope, clock=clock, writer=writer)
            session = open_session(_plan(terms, scope, share, clock=clock, writer=writer), terms.known, client)
            terms = await watch_until_terms_change(session, terms, scope, clock=clock, writer=writer)


def _plan(terms: WatchTerms, scope: Scope, share: Share, *, clock: Clock, writer: Writer) -> Plan:
    return Plan(
        process=share.name(PROCESS),
        scope=scope,
        clock=clock,
        writer=writer,
        dispatch=OutboxDispatch(scope),
        records=settings.ARB.trading.records,
        account_fees=terms.account_fees,
        share=share,
    )


def _note_listings(
    venue: str, listings: Sequence[Listing], *, share: Share, scope: Scope, clock: Clock, writer: Writer
) -> None:
    """Have stored what a venue lists; beside other streams that are told it by other means only what is new."""
    record = partial(record_listings, {venue: listings}, scope=scope, clock=clock, only_new=not share.is_whole)
    writer.submit("listings", record)


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it ends or a person stops it. Raises: what the work raises, one of our own errors by itself."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(DaemonExecutor())
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
