"""Rows that a watch reads by the writer, which alone uses the ORM; the context of models is kept up to date so."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import structlog

from domain.features import Contexts
from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.services.volatility import feature_contexts
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

T = TypeVar("T")
READ_EVERY_S = 60.0
ANSWER_WITHIN_S = 30.0


async def follow_context(
    learn: Callable[[Contexts], None],
    *,
    scope: Scope,
    clock: Clock,
    writer: Writer,
    every_s: float = READ_EVERY_S,
) -> None:
    """Let ``learn`` know, until cancelled, what the latest rows tell of each pair."""
    while True:
        latest = await from_rows(lambda: feature_contexts(scope, now=from_ns(clock.now_ns())), writer=writer)
        if latest is not None:
            learn(latest)
        await asyncio.sleep(every_s)


async def from_rows(read: Callable[[], T], *, writer: Writer, ahead: bool = False) -> T | None:
    """Return what ``read`` returns in the writer's thread, which alone uses the ORM; None where it gives no answer."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T | None] = loop.create_future()

    def job() -> None:
        found = read()
        with suppress(RuntimeError):  # the loop has ended meanwhile, and with it whoever asked
            loop.call_soon_threadsafe(partial(_settle, answer, found))

    if not writer.offer("rows_read", job, ahead=ahead):
        return None
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await answer
    except TimeoutError:  # the database is away, which the writer says, or what was read is at fault, and logged
        return None


def _settle(answer: "asyncio.Future[T | None]", found: T) -> None:
    if not answer.done():
        answer.set_result(found)
