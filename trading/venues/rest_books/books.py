"""All venues' books at once, over connections that are kept from one look to the next."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import aiohttp

from domain.errors import Unreachable
from domain.market import Pair
from trading.venues.budget import Budget
from trading.venues.rest import RestClient
from trading.venues.rest_books.readers import Reader, Reading

TIMEOUT_S = 5.0
MOST_CONNECTIONS = 100  # to one venue


class RestBooks:
    """Reads every venue side by side; one venue's trouble is told and hinders no other.

    Belongs to one event loop. Connections outlive a look: the next one asks over them.
    """

    def __init__(
        self, readers: Mapping[str, Reader], budgets: Mapping[str, Budget], *, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Read by ``readers``, by venue; a venue without a budget is asked freely."""
        self._readers = readers
        self._budgets = budgets
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._next: dict[str, int] = {}  # whose turn it is where a budget does not reach all pairs
        self._session: aiohttp.ClientSession | None = None

    @property
    def venues(self) -> tuple[str, ...]:
        """Return the venues that can be read."""
        return tuple(self._readers)

    async def read(self, wanted: Mapping[str, Sequence[Pair]]) -> list[Reading]:
        """Return what one look at the ``wanted`` pairs of each venue gave, in the same order."""
        return await asyncio.gather(*(self._look(venue, pairs) for venue, pairs in wanted.items()))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _look(self, venue: str, pairs: Sequence[Pair]) -> Reading:
        reader = self._readers[venue]
        paid, why_not = await self._pay(reader, pairs)
        unpaid = dict.fromkeys((pair for pair in pairs if pair not in paid), "no_budget")
        if not paid:
            return Reading(venue, refused=unpaid, error=why_not)
        reading = await reader.read(RestClient(self._open(), reader.base_url), paid)
        return replace(reading, refused={**reading.refused, **unpaid}) if unpaid else reading

    async def _pay(self, reader: Reader, pairs: Sequence[Pair]) -> tuple[Sequence[Pair], str]:
        """Return the pairs that the budget allows, each of many in its turn, and why it allows no more."""
        budget = self._budgets.get(reader.venue)
        if budget is None:
            return pairs, ""
        is_one_request = reader.requests_for(pairs) <= 1
        asked_at_once = [pairs] if is_one_request else [[pair] for pair in self._in_turn(reader, pairs)]
        paid: list[Pair] = []
        try:
            for some in asked_at_once:
                await budget.take(max(1, reader.requests_for(some)))
                paid += some
        except Unreachable as error:
            self._next[reader.venue] = self._next.get(reader.venue, 0) + len(paid)
            return paid, str(error)
        return paid, ""

    def _in_turn(self, reader: Reader, pairs: Sequence[Pair]) -> Sequence[Pair]:
        first = self._next.get(reader.venue, 0) % len(pairs)
        return [*pairs[first:], *pairs[:first]]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=MOST_CONNECTIONS, keepalive_timeout=60)
            no_cookies = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, cookie_jar=no_cookies)
        return self._session
