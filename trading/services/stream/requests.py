"""Paper orders that wait for their book: loaded at the start, told of by NOTIFY, loaded again after every outage.

Every stream is told of every order, and takes those of its own pairs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psycopg
import structlog

from domain.partition import WHOLE, Share
from domain.scope import Scope
from trading.async_database import Session
from trading.services.execution.open import OBSERVATION_CHANNEL
from trading.services.observing import FillRequest, pending_requests
from trading.services.stream.watch_lock import conninfo
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

RECONNECT_S = 0.5


async def follow_requests(
    add: Callable[[FillRequest], None], *, scope: Scope, writer: Writer, share: Share = WHOLE
) -> None:
    """Call ``add``, in this loop, with every paper order of a share that waits for its book, until cancelled."""
    loop = asyncio.get_running_loop()

    def load(order_id: int | None) -> None:
        requests = [one for one in pending_requests(scope, order_id=order_id) if share.holds(one.market.pair)]
        with suppress(RuntimeError):  # the loop has ended meanwhile: whoever watches next asks anew
            for request in requests:
                loop.call_soon_threadsafe(add, request)

    while True:
        try:
            await _listen(partial(_submit, writer, load))
        except psycopg.OperationalError as error:
            log.warning("fill_requests_unheard", error=str(error).strip())
        await asyncio.sleep(RECONNECT_S)


def _submit(writer: Writer, load: Callable[[int | None], None], order_id: int | None) -> None:
    writer.submit("fill_requests", partial(load, order_id))


async def _listen(load: Callable[[int | None], None]) -> None:
    async with await Session.connect(conninfo(), autocommit=True) as listener:
        await listener.execute(f"LISTEN {OBSERVATION_CHANNEL}")
        load(None)  # whatever was asked for while nobody listened
        async for notice in listener.notifies():
            load(int(notice.payload) if notice.payload.isdecimal() else None)  # anything odd: look for all
