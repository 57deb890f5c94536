"""What a process keeps open from one scan to the next: its connections with their event loop and budgets."""

import asyncio
import atexit
import os
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from django.conf import settings

from domain.errors import Refused, Unreachable
from domain.market import Clock, Pair
from domain.scope import Mode
from trading.async_redis import async_client
from trading.daemon_threads import DaemonExecutor
from trading.services.simulated import is_simulated
from trading.venues import registry, roster
from trading.venues.budget import Allowance, Budget
from trading.venues.evm.v3 import V3State
from trading.venues.rest_books import Reading, RestBooks
from trading.venues.rest_books.readers import READERS, Reader, SourceReader

REDIS_TIMEOUT_S = 2.0
MOST_WAIT_S = 1.0  # for a turn within the budget: what is further off waits for the next scan
ALLOWANCES: Mapping[str, Allowance] = {  # by adapter
    "kraken": Allowance(1, burst=10),  # docs.kraken.com, REST rate limits: public endpoints about once a second
    "alpaca": Allowance(3, burst=10),  # docs.alpaca.markets, market data: 200 a minute
}

NOT_ASKED = "not_asked"
NOT_ASKED_WHY = "not asked: in sim the venues are simulated, and its address is not this machine's"


class Connections:
    """Connections to Redis and to every venue, used from one thread.

    The loop runs while something is asked for and stands still in between; a connection that its venue has closed
    meanwhile is opened again.
    """

    def __init__(self, clock: Clock) -> None:
        self._pid = os.getpid()
        self._runner = asyncio.Runner()
        self._runner.get_loop().set_default_executor(DaemonExecutor())
        self.redis = redis.Redis.from_url(
            settings.ARB.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._async_redis = async_client(settings.ARB.redis_url)
        max_age_ms = settings.ARB.trading.max_book_age_ms
        self.chains = registry.chain_sources(
            settings.ARB.venues, clock=clock, rng=Random(), max_age_ms=max_age_ms, redis=self._async_redis
        )
        readers = _readers(clock) | {chain.venue: SourceReader(chain) for chain in self.chains}
        self.budgets = {
            venue: _budget(venue, adapter, readers[venue].base_url, self._async_redis)
            for venue, adapter in roster.adapters(settings.ARB.venues).items()
            if adapter in ALLOWANCES and venue in readers
        }
        self._books = RestBooks(readers, self.budgets)

    def read(self, wanted: Mapping[str, Sequence[Pair]]) -> list[Reading]:
        """Return what one look at the ``wanted`` pairs of each venue gave, all venues side by side."""
        here = {venue: pairs for venue, pairs in wanted.items() if pairs and venue in self._books.venues}
        elsewhere = {venue: pairs for venue, pairs in wanted.items() if pairs and venue not in here}
        not_asked = [
            Reading(venue, refused=dict.fromkeys(pairs, NOT_ASKED), error=NOT_ASKED_WHY)
            for venue, pairs in elsewhere.items()
        ]
        return [*(self._runner.run(self._books.read(here)) if here else ()), *not_asked]

    def read_v3(self, pairs: Sequence[Pair]) -> tuple[list[V3State], dict[str, str]]:
        """Return every concentrated pool of ``pairs`` at its chain's head, and why a chain told none."""
        return self._runner.run(self._read_v3(pairs))

    async def _read_v3(self, pairs: Sequence[Pair]) -> tuple[list[V3State], dict[str, str]]:
        found, problems = [], {}
        for chain in self.chains:
            try:
                found += await chain.v3_snapshot(pairs)
            except (Refused, Unreachable) as error:
                problems[chain.venue] = str(error)
        return found, problems

    def close(self) -> None:
        """Close every connection, in the process that opened them."""
        if os.getpid() != self._pid:
            return
        self._runner.run(self._close())
        self._runner.close()
        self.redis.close()

    async def _close(self) -> None:
        await self._books.close()
        await self._async_redis.aclose()


_of_process: dict[tuple[int, Any], Connections] = {}


def process_connections(clock: Clock) -> Connections:
    """Return the connections of this process; made anew in a child and where the settings have changed."""
    key = (os.getpid(), (settings.ARB.venues, settings.ARB.redis_url, settings.ARB.scope))
    if key not in _of_process:
        _of_process.clear()  # what a parent opened is the parent's
        _of_process[key] = found = Connections(clock)
        atexit.register(found.close)
    return _of_process[key]


def _readers(clock: Clock) -> dict[str, Reader]:
    adapters = roster.adapters(settings.ARB.venues)
    is_sim = settings.ARB.scope.mode is Mode.SIM
    return {
        venue: READERS[adapters[venue]](venue, url, clock=clock)
        for venue, url in roster.rest_urls(settings.ARB.venues).items()
        if is_simulated(url) or not is_sim
    }


def _budget(venue: str, adapter: str, base_url: str, client: "redis.asyncio.Redis") -> Budget:
    name = f"{venue}-rest@{urlsplit(base_url).netloc}"  # a simulated venue spends nothing of the real one's budget
    return Budget(name, ALLOWANCES[adapter], redis=client, most_wait_s=MOST_WAIT_S)
