"""The doubles, for what must be asked of a running venue."""

from collections.abc import AsyncIterator

import pytest

from simulator.server import Doubles, SimulatorConfig, serve


@pytest.fixture
async def doubles() -> AsyncIterator[Doubles]:
    async with await serve(SimulatorConfig(seed=3, incident_at_s=None)) as running:
        yield running
