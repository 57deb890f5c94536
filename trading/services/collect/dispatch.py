"""Executions without a worker: the writer's thread steps what it has committed, and sweeps up what was left behind."""

import asyncio
from functools import partial

from django.db import transaction

from domain.market import Clock
from domain.scope import Scope
from domain.timestamps import from_ns
from risk.services import tick
from trading.services import execution
from trading.services.execution.step import Venues
from trading.services.sweeping import sweep_executions
from trading.services.writer import Writer

SWEEP_EVERY_S = 2.0


class WriterDispatch:
    """A dispatch that has executions stepped by the writer, once the transaction that asks for it is committed."""

    def __init__(self, scope: Scope, *, venues: Venues, clock: Clock, writer: Writer) -> None:
        self._scope = scope
        self._venues = venues
        self._clock = clock
        self._writer = writer

    def enqueue(self, kind: str, row_id: int) -> None:
        """Have the execution stepped; where the writer is too busy to note it, the next sweep does."""
        transaction.on_commit(partial(self._writer.offer, "step", partial(self._step, row_id)))

    async def run(self) -> None:
        """Sweep until cancelled; the first sweep takes up what an earlier process left."""
        while True:
            self._writer.offer("sweep", self._sweep)
            await asyncio.sleep(SWEEP_EVERY_S)

    def _step(self, execution_id: int) -> None:
        execution.step(execution_id, venues=self._venues, clock=self._clock)

    def _sweep(self) -> None:
        tick(self._scope, from_ns(self._clock.now_ns()))
        sweep_executions(self._scope, clock=self._clock, dispatch=self)
