"""Alpaca's books without a key: the latest ones asked for at a stated pace, and shown as such."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count
from random import Random

import structlog

from domain.errors import BadInput, Unreachable
from domain.market import Book, Clock, Pair
from trading.venues.alpaca import wire
from trading.venues.alpaca.latest import LatestBooks, served
from trading.venues.base import FeedStatus, OnChange
from trading.venues.connection import Backoff
from trading.venues.health import FeedHealth
from trading.venues.identity import ALPACA_ORIGIN
from trading.venues.pulse import Pulse
from trading.venues.rest import BadQuestion, RestClient, rest_client

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class AlpacaRestSettings:
    """Where books are asked for, how often, and when one is too old. Raises: BadInput."""

    data_url: str
    poll_ms: int
    max_age_ms: int
    depth: int = 25
    rest_timeout_s: float = 10.0
    venue: str = wire.VENUE  # the name of this configuration of the adapter

    def __post_init__(self) -> None:
        if self.poll_ms <= 0:
            raise BadInput(f"Alpaca cannot be asked every {self.poll_ms} ms")


class AlpacaRestFeed:
    """Alpaca as a source of books that are asked for: what changes between two looks is never seen.

    A book that the venue has not changed since the last look is handed on as a quiet book of a stream is: again, as of
    the question, once it has aged, for as long as it can be believed to be quiet; then it is refused as stale.
    """

    def __init__(self, settings: AlpacaRestSettings, *, clock: Clock, rng: Random) -> None:
        self.venue = settings.venue
        self._settings = settings
        self._rng = rng
        self._clock = clock
        self._health = FeedHealth(
            self.venue, origin=ALPACA_ORIGIN, polled_every_ms=settings.poll_ms, max_age_ms=settings.max_age_ms
        )
        self._seq = count(1)
        self._latest = LatestBooks(settings.depth, settings.max_age_ms, health=self._health, clock=clock, seq=self._seq)
        self._venue_at_ns: dict[Pair, int] = {}
        self._pulses: dict[Pair, Pulse] = {}

    @property
    def status(self) -> FeedStatus:
        """Return how the feed is doing now."""
        return self._health.status()

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Call ``on_change`` with every sound book that is new at a look, until cancelled.

        A pair that Alpaca does not serve is left out, and said. Raises: Refused.
        """
        poll_s = self._settings.poll_ms / 1000
        backoff = Backoff(self._rng, first_s=poll_s, longest_s=max(LONGEST_WAIT_S, poll_s))
        loop = asyncio.get_running_loop()
        async with self._client() as client:
            while True:
                began_s = loop.time()
                try:
                    pairs, books = await self._look(client, pairs)
                except Unreachable as error:
                    wait_s = backoff.next_s()
                    self._note_outage(error, wait_s)
                    await asyncio.sleep(wait_s)
                    continue
                backoff.reset()
                for book in books:
                    on_change(book)
                await asyncio.sleep(max(0.0, began_s + poll_s - loop.time()))

    async def snapshot(self, pairs: Sequence[Pair]) -> list[Book]:
        """Return one sound book for each pair that has one. Raises: Refused, Unreachable."""
        async with self._client() as client:
            _, books = await self._read(client, pairs)
            return self._latest.sound(books)

    def _client(self) -> AbstractAsyncContextManager[RestClient]:
        return rest_client(self._settings.data_url, timeout_s=self._settings.rest_timeout_s, headers={})

    async def _look(self, client: RestClient, pairs: Sequence[Pair]) -> tuple[Sequence[Pair], list[Book]]:
        pairs, books = await self._read(client, pairs)
        now_ns = self._clock.now_ns()
        if self._health.connected_at_ns is None:
            self._health.connected(now_ns)
        self._health.heard(now_ns)
        confirmed = [again for book in books if (again := self._confirmed(book)) is not None]
        changed = self._latest.sound(self._new(books))
        for book in changed:
            self._venue_at_ns[book.pair] = book.venue_at_ns
            self._pulses.setdefault(book.pair, Pulse(self._settings.max_age_ms)).changed(book)
        return pairs, changed + confirmed

    async def _read(self, client: RestClient, pairs: Sequence[Pair]) -> tuple[Sequence[Pair], list[Book]]:
        """Return the pairs that are served, and their books."""
        try:
            return pairs, await self._latest.read(client, pairs)
        except BadQuestion:
            if not (left := await served(client, pairs)):
                raise
        self._health.trouble["pair_not_served"] += len(pairs) - len(left)
        missing = [pair.symbol for pair in pairs if pair not in left]
        log.warning("pairs_left_out", venue=self.venue, pairs=missing, reason="Alpaca does not serve them")
        return left, await self._latest.read(client, left)

    def _new(self, books: Iterable[Book]) -> Iterator[Book]:
        for book in books:
            before_ns = self._venue_at_ns.get(book.pair, 0)
            if book.venue_at_ns < before_ns:
                self._health.refused["out_of_order"] += 1  # another of the venue's servers, one that lags
            elif book.venue_at_ns > before_ns:
                yield book

    def _confirmed(self, book: Book) -> Book | None:
        """Return the book as of now if it is as it was, has aged and can be believed to be quiet."""
        pulse = self._pulses.get(book.pair)
        asked_at_ns = book.seen_at_ns
        if pulse is None or book.venue_at_ns != self._venue_at_ns[book.pair] or not pulse.is_due(asked_at_ns):
            return None
        if not pulse.is_believed(asked_at_ns):
            self._health.refused["stale"] += 1
            return None
        self._health.confirm(asked_at_ns)
        return pulse.confirmed(asked_at_ns, seq=next(self._seq))

    def _note_outage(self, error: Unreachable, wait_s: float) -> None:
        reason = str(error).rpartition(": ")[2].lower().replace(" ", "_")
        self._health.disconnected(reason)
        log.warning("feed_disconnected", venue=self.venue, reason=reason, wait_s=round(wait_s, 3))
