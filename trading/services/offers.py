"""What the markets offered: at a steady pace, the gross edge of every route, counted in steps of a tenth of a bps.

Routes are looked at in turn, both directions of two markets together, so many at a time that a look at all of them
never holds up the books; each look counts, so the counts are a fair sample however many routes there are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.book import staleness
from domain.market import Book, Market, MarketKey
from domain.money import DOWN, EXACT, to_float
from domain.routes import MarketView
from domain.scope import Scope
from domain.timestamps import NS_PER_HOUR, NS_PER_MS, from_ns
from trading.services.counts import add_counts

MOST_ROUTES = 2_000  # looked at in one sample
TENTHS = 100_000  # of a basis point in the whole
NEAR = 1e-6  # a float this near a step is reckoned again exactly
EXACT_ABOVE = -200  # tenths of a bps: what is further from crossing is counted in steps of a whole bps
LARGEST = 10**9  # tenths of a bps; beyond any edge that a book ever showed, within what a column holds


class Offer(NamedTuple):
    """One bar of a histogram: ``tenth_bps`` is the gross edge in tenths of a basis point, rounded down."""

    hour: datetime
    route_key: str
    tenth_bps: int


class _Way(NamedTuple):
    """A route by the places of its two markets."""

    buy: int
    sell: int
    route_key: str


class _Best(NamedTuple):
    bid: float
    ask: float
    book: Market


class OfferSampler:
    """Counts gross edges at best prices where both books are fresh and of one instant; nothing until it is due."""

    def __init__(self, *, every_ns: int, max_age_ms: int, max_skew_ms: int, most_routes: int = MOST_ROUTES) -> None:
        self._every_ns, self._max_age_ms, self._most = every_ns, max_age_ms, most_routes
        self._max_skew_ns = max_skew_ms * NS_PER_MS
        self._counts: Counter[tuple[int, str, int]] = Counter()
        self._turn, self._next = -1, 0
        self._seen: tuple[MarketView, tuple[MarketKey, ...]] | None = None
        self._ways: tuple[_Way, ...] = ()

    def sample(self, view: MarketView, markets: Iterable[MarketKey], now_ns: int) -> None:
        """Count what the routes whose turn it is offer now; of several calls within one pace only the first counts."""
        turn = now_ns // self._every_ns if self._every_ns else now_ns
        if turn <= self._turn:
            return
        self._turn = turn
        keys = self._know(view, tuple(markets))
        hour, bests = now_ns // NS_PER_HOUR, [self._best(view.book(key), now_ns) for key in keys]
        for way in self._in_turn():
            buy, sell = bests[way.buy], bests[way.sell]
            if buy is not None and sell is not None and self._are_together(buy, sell):
                self._counts[hour, way.route_key, _tenth_bps(buy, sell)] += 1

    def take(self) -> Mapping[Offer, int]:
        """Return what was counted since the last call and start from zero."""
        counts, self._counts = self._counts, Counter()
        return {Offer(from_ns(hour * NS_PER_HOUR), key, tenth): count for (hour, key, tenth), count in counts.items()}

    def state(self) -> list[int]:
        """Return what ``restore`` needs to go on from here; counts are to be taken before."""
        return [self._turn, self._next]

    def restore(self, state: Sequence[int]) -> None:
        """Go on from where another sampler stood."""
        self._turn, self._next = state

    def _know(self, view: MarketView, markets: tuple[MarketKey, ...]) -> tuple[MarketKey, ...]:
        if self._seen is None or self._seen[0] is not view or self._seen[1] != markets:
            self._seen, self._ways = (view, markets), _ways_of(view, markets)
        return self._seen[1]

    def _best(self, book: Market | None, now_ns: int) -> _Best | None:
        if book is None or (isinstance(book, Book) and not (book.bids and book.asks)):
            return None
        if staleness(book, now_ns=now_ns, max_age_ms=self._max_age_ms) is not None:
            return None
        return _Best(to_float(book.best_bid), to_float(book.best_ask), book)

    def _in_turn(self) -> Sequence[_Way]:
        if len(self._ways) <= self._most:
            return self._ways
        first = self._next if self._next < len(self._ways) else 0
        self._next = first + self._most
        return self._ways[first : self._next]

    def _are_together(self, buy: _Best, sell: _Best) -> bool:
        return abs(buy.book.seen_at_ns - sell.book.seen_at_ns) <= self._max_skew_ns


def _ways_of(view: MarketView, markets: tuple[MarketKey, ...]) -> tuple[_Way, ...]:
    """Return every route once, both directions of two markets side by side; unlike quotes are no price difference."""
    places = {market: place for place, market in enumerate(markets)}
    routes = {route.key: route for market in markets for route in view.routes(market)}
    alike = [route for route in routes.values() if route.buy.pair.quote == route.sell.pair.quote]
    ways = [_Way(places[route.buy.market], places[route.sell.market], route.key) for route in alike]
    return tuple(sorted(ways, key=lambda way: (min(way.buy, way.sell), max(way.buy, way.sell), way.buy)))


def _tenth_bps(buy: _Best, sell: _Best) -> int:
    tenths = (sell.bid / buy.ask - 1) * TENTHS
    is_near = abs(tenths - round(tenths)) < NEAR
    floored = _exact_tenths(buy.book, sell.book) if is_near else math.floor(tenths)
    return min(floored, LARGEST) if floored >= EXACT_ABOVE else floored // 10 * 10


def _exact_tenths(buy: Market, sell: Market) -> int:
    bid, ask = sell.best_bid, buy.best_ask
    return math.floor(DOWN.divide(EXACT.multiply(EXACT.subtract(bid, ask), TENTHS), ask))


_ADD = """
INSERT INTO offered_edges (mode, run_id, hour, route_key, tenth_bps, count)
SELECT %s, %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::int[], %s::bigint[])
ON CONFLICT (mode, run_id, hour, route_key, tenth_bps)
DO UPDATE SET count = offered_edges.count + EXCLUDED.count
"""


def record_offers(offers: Mapping[Offer, int], *, scope: Scope) -> None:
    """Add counted offers to their rows."""
    add_counts(_ADD, offers, scope=scope)
