"""Running doubles, and clients to reach them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.server import Doubles, SimulatorConfig, serve


@pytest.fixture
async def doubles() -> AsyncIterator[Doubles]:
    async with await serve(SimulatorConfig(seed=11, auth_timeout_s=60.0)) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
