"""The models of a watch: its scorer follows the rows that say which version is what, and says what it serves."""

import asyncio
from functools import partial

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from mlops.services import LiveScorer, ServedTeller, placed_now
from trading.services.stream.context import from_rows
from trading.services.writer import Writer

READ_EVERY_S = 3.0  # a promotion is to be seen within 10 s


async def follow_models(
    scorer: LiveScorer, *, scope: Scope, process: str, clock: Clock, writer: Writer, every_s: float = READ_EVERY_S
) -> None:
    """Keep ``scorer`` as the rows and files are, until cancelled: nothing is read in the loop's own thread."""
    teller, has_read = ServedTeller(scope, process=process), False
    while True:
        placed = await from_rows(partial(placed_now, scope), writer=writer, ahead=True)
        if placed is not None:
            await asyncio.to_thread(scorer.follow, placed)
            has_read = True
        tell = teller.due(scorer.served(), now=from_ns(clock.now_ns())) if has_read else None
        if tell is not None:
            writer.submit("served_models", tell)
        await asyncio.sleep(every_s)
