"""Putting the stream together and running it until it is stopped."""

import asyncio
import signal
from collections.abc import Coroutine
from functools import partial
from random import Random
from typing import Any

import redis.asyncio
import structlog
from django.conf import settings

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import NS_PER_MS
from mlops.services import load_scorer
from trading.dispatch import OutboxDispatch
from trading.marketdata.feeds import Feeds
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.venue_board import VenueBoardWriter
from trading.marketdata.view import BookView
from trading.services.episodes import close_left_open
from trading.services.stream.engine import Engine, Parts
from trading.services.stream.reference import account_sources, detect_config, reference_in_time
from trading.services.stream.requests import follow_requests
from trading.services.writer import Writer
from trading.venues import registry

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 2.0


def run(scope: Scope, *, clock: Clock) -> None:
    """Stream until SIGINT or SIGTERM, then finish what is queued. Raises: BadInput."""
    writer = Writer()
    writer.start()
    try:
        asyncio.run(_until_stopped(_stream(scope, clock=clock, writer=writer)))
    finally:
        writer.stop()


async def _stream(scope: Scope, *, clock: Clock, writer: Writer) -> None:
    arb = settings.ARB
    known = await reference_in_time(lambda: account_sources(clock=clock), arb.pairs)
    sources = registry.market_sources(arb.venues, clock=clock, rng=Random(), max_age_ms=arb.trading.max_book_age_ms)
    sources = tuple(source for source in sources if known.pairs.get(source.venue))
    async with _redis(arb.redis_url) as client:
        parts = Parts(
            scope=scope,
            clock=clock,
            view=BookView(known.lots),
            cache=PriceCache(client, scope),
            writer=writer,
            dispatch=OutboxDispatch(scope),
            score=load_scorer(scope),
            config=detect_config(known.lots),
            linger_ns=arb.trading.episode_linger_ms * NS_PER_MS,
        )
        engine = Engine(parts)
        feeds = Feeds(sources, known.pairs, engine.on_book, clock=clock, rng=Random())
        writer.submit("episodes_left_open", partial(close_left_open, scope))
        log.info("stream_started", scope=str(scope), markets=[f"{key.venue}:{key.pair}" for key in known.lots])
        async with asyncio.TaskGroup() as group:
            group.create_task(feeds.run())
            group.create_task(parts.cache.run())
            group.create_task(engine.run())
            group.create_task(follow_requests(engine.fills.add, scope=scope, writer=writer))
            group.create_task(VenueBoardWriter(client, scope).run(feeds.statuses))


def _redis(url: str) -> "redis.asyncio.Redis":
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
        url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, health_check_interval=10
    )
    return client


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stream_stopped")
