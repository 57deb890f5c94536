"""How each venue's books are asked for by REST: what is asked, what one look costs, what comes of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from domain.book import check
from domain.errors import BadMarketData, Refused, Unreachable
from domain.market import Book, Clock, Market, Pair
from trading.venues.alpaca import latest as alpaca_latest
from trading.venues.alpaca import wire as alpaca_wire
from trading.venues.base import MarketSource
from trading.venues.kraken.depth import RawBook, ask_depth
from trading.venues.rest import BadQuestion, RestClient

DEPTH = 25


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a venue gave, and why a pair gave nothing; ``error`` where nothing could be read."""

    venue: str
    answers: tuple[RawBook | Market, ...] = ()
    refused: Mapping[Pair, str] = field(default_factory=dict)
    error: str = ""

    def sound(self, *, now_ns: int, max_age_ms: int, depth: int = DEPTH) -> tuple[list[Market], dict[Pair, str]]:
        """Return the markets that are well formed and of now, levels converted, and the reason against every other."""
        found, refused = [], dict(self.refused)
        for answer in self.answers:
            try:
                market = answer.book(depth) if isinstance(answer, RawBook) else answer
                check(market, now_ns=now_ns, max_age_ms=max_age_ms)
            except BadMarketData as bad:
                refused[answer.pair] = bad.reason
            else:
                found.append(market)
        return found, refused


class Reader(Protocol):
    """Asks one venue for books; raises Refused or Unreachable for a pair at a time, or for all."""

    @property
    def venue(self) -> str:
        """Return the venue's name."""

    @property
    def base_url(self) -> str:
        """Return where REST answers."""

    def requests_for(self, pairs: Sequence[Pair]) -> int:
        """Return how many requests one look at ``pairs`` takes."""

    async def read(self, client: RestClient, pairs: Sequence[Pair]) -> Reading:
        """Return the books of ``pairs``."""


class KrakenReader:
    """Kraken: one request a pair, all at once."""

    def __init__(self, venue: str, base_url: str, *, clock: Clock, depth: int = DEPTH) -> None:
        self.venue = venue
        self.base_url = base_url
        self._clock = clock
        self._depth = depth
        self._seq = count(1)

    def requests_for(self, pairs: Sequence[Pair]) -> int:
        """Return how many requests one look at ``pairs`` takes."""
        return len(pairs)

    async def read(self, client: RestClient, pairs: Sequence[Pair]) -> Reading:
        """Return the books of ``pairs``; a pair that cannot be had hinders no other."""
        answers = await asyncio.gather(*(self._ask(client, pair) for pair in pairs))
        books = tuple(answer for answer in answers if isinstance(answer, RawBook))
        refused = {pair: answer for pair, answer in zip(pairs, answers, strict=True) if isinstance(answer, str)}
        return Reading(self.venue, books, refused, "" if books else next(iter(refused.values()), ""))

    async def _ask(self, client: RestClient, pair: Pair) -> RawBook | str:
        try:
            return await ask_depth(client, pair, venue=self.venue, count=self._depth, clock=self._clock, seq=self._seq)
        except BadMarketData as bad:
            return bad.reason
        except (Refused, Unreachable) as error:
            return str(error)


class AlpacaReader:
    """Alpaca: one request for every pair; a pair that it does not serve is left out from then on."""

    def __init__(self, venue: str, base_url: str, *, clock: Clock, depth: int = DEPTH) -> None:
        self.venue = venue
        self.base_url = base_url
        self._clock = clock
        self._depth = depth
        self._seq = count(1)
        self._unserved: frozenset[Pair] = frozenset()

    def requests_for(self, pairs: Sequence[Pair]) -> int:
        """Return how many requests one look at ``pairs`` takes."""
        return 1 if set(pairs) - self._unserved else 0

    async def read(self, client: RestClient, pairs: Sequence[Pair]) -> Reading:
        """Return the books of ``pairs``."""
        wanted = [pair for pair in pairs if pair not in self._unserved]
        try:
            answers = await self._ask(client, wanted) if wanted else {}
        except BadMarketData as bad:
            return Reading(self.venue, refused=dict.fromkeys(pairs, bad.reason), error=bad.reason)
        except (Refused, Unreachable) as error:
            return Reading(self.venue, refused=dict.fromkeys(pairs, str(error)), error=str(error))
        books = tuple(answer for answer in answers.values() if isinstance(answer, Book))
        refused = {pair: answer for pair, answer in answers.items() if isinstance(answer, str)}
        unserved = [pair for pair in pairs if pair in self._unserved]
        return Reading(self.venue, books, refused | dict.fromkeys(unserved, "pair_not_served"))

    async def _ask(self, client: RestClient, pairs: Sequence[Pair]) -> Mapping[Pair, Book | str]:
        asked_at_ns = self._clock.now_ns()
        try:
            body = await alpaca_latest.ask(client, pairs)
        except BadQuestion:
            left = await alpaca_latest.served(client, pairs)
            self._unserved |= set(pairs) - set(left)
            if not left:
                return {}
            asked_at_ns = self._clock.now_ns()
            pairs, body = left, await alpaca_latest.ask(client, left)
        return alpaca_wire.parse_latest_books(
            body, pairs, depth=self._depth, seen_at_ns=asked_at_ns, seq=next(self._seq), venue=self.venue
        )


class SourceReader:
    """A source that reads whole markets itself, as a chain's does; it keeps its own budget."""

    base_url = ""

    def __init__(self, source: MarketSource) -> None:
        self.venue = source.venue
        self._source = source

    def requests_for(self, pairs: Sequence[Pair]) -> int:
        """Return none: what it spends is its own to count."""
        return 0

    async def read(self, client: RestClient, pairs: Sequence[Pair]) -> Reading:
        """Return the markets of ``pairs``."""
        try:
            found = await self._source.snapshot(pairs)
        except (Refused, Unreachable) as error:
            return Reading(self.venue, refused=dict.fromkeys(pairs, str(error)), error=str(error))
        seen = {market.pair for market in found}
        return Reading(self.venue, tuple(found), {pair: "not_read" for pair in pairs if pair not in seen})


READERS: Mapping[str, type[KrakenReader] | type[AlpacaReader]] = {"kraken": KrakenReader, "alpaca": AlpacaReader}
